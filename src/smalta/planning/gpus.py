"""Graphics cards: the installed ones, and published peak numbers of a few others.

In:  `nvidia-smi`, and PyTorch where it is installed; a name for `--what-if`.
Out: `Gpu`.

Published numbers are the makers' peaks without sparsity, and are marked as such. Convolutions reach a share of them,
which only a measurement shows.

Must not know: networks, plans.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from smalta.errors import ConfigError

TRANSFER = {"pcie3": 12e9, "pcie4": 24e9, "pcie5": 48e9}  # bytes per second of 16 lanes in practice


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A graphics card.

    Attributes:
        name: given by the maker.
        memory_bytes: of the card.
        flops: operations per second by precision; "fp32" without tensor cores.
        bandwidth: of its memory, bytes per second.
        cache_bytes: its last cache.
        transfer: bytes per second from pinned memory of the machine.
        launch_seconds: from one small kernel to the next.
        published: whether the numbers are the maker's instead of measured here.
    """

    name: str
    memory_bytes: int
    flops: Mapping[str, float]
    bandwidth: float
    cache_bytes: int
    transfer: float
    launch_seconds: float = 6e-6
    published: bool = False


def _published(
    name: str, gib: int, fp32: float, bf16: float, int8: float, bandwidth: float, cache: int, bus: str
) -> Gpu:
    """Build from TFLOP/s, GB/s and MiB."""
    return Gpu(
        name=name,
        memory_bytes=gib * 2**30,
        flops={"fp32": fp32 * 1e12, "bf16": bf16 * 1e12, "int8": int8 * 1e12},
        bandwidth=bandwidth * 1e9,
        cache_bytes=cache * 2**20,
        transfer=TRANSFER[bus],
        published=True,
    )


# from the makers' data sheets; dense tensor-core rates with fp32 accumulation
PUBLISHED: Mapping[str, Gpu] = {
    "t4": _published("NVIDIA T4", 16, 8.1, 65, 130, 300, 4, "pcie3"),
    "l4": _published("NVIDIA L4", 24, 30.3, 121, 242, 300, 48, "pcie4"),
    "a10": _published("NVIDIA A10", 24, 31.2, 125, 250, 600, 6, "pcie4"),
    "a100": _published("NVIDIA A100 80GB", 80, 19.5, 312, 624, 2039, 40, "pcie4"),
    "h100": _published("NVIDIA H100 SXM", 80, 67, 989, 1979, 3350, 50, "pcie5"),
    "h200": _published("NVIDIA H200 SXM", 141, 67, 989, 1979, 4800, 50, "pcie5"),
    "rtx3060": _published("NVIDIA GeForce RTX 3060", 12, 12.7, 25.5, 102, 360, 3, "pcie4"),
    "rtx4090": _published("NVIDIA GeForce RTX 4090", 24, 82.6, 165.2, 660.6, 1008, 72, "pcie4"),
}


def published(name: str) -> Gpu:
    """A card by its short name.

    Raises:
        ConfigError: if no numbers of it are known.
    """
    try:
        return PUBLISHED[name.lower().replace(" ", "").replace("-", "")]
    except KeyError:
        raise ConfigError(f"the GPU {name!r} is unknown; published numbers exist for {', '.join(PUBLISHED)}") from None


def installed() -> tuple[tuple[str, int], ...]:
    """Name and bytes of memory of each NVIDIA card, with or without PyTorch; empty without a driver."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_nvidia_smi(told)


def parse_nvidia_smi(told: str) -> tuple[tuple[str, int], ...]:
    """Parse lines such as "NVIDIA L4, 23034"; other lines are skipped."""
    rows = (line.rpartition(",") for line in told.splitlines())
    return tuple((name.strip(), int(mib) * 2**20) for name, _, mib in rows if mib.strip().isdigit())
