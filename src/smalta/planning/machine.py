"""Describe the machine: cores, caches, memory, instruction sets, cards, and how fast they are.

In:  the system; a file in the user's cache folder, so that speeds are measured once per machine and version.
Out: `Machine`.

Must not know: networks, plans.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import psutil

from smalta.errors import SmaltaError
from smalta.planning.facts import Processor, processor
from smalta.planning.gpus import Gpu, installed
from smalta.planning.rates import Rates, measure
from smalta.system import cgroup
from smalta.system.cores import usable_cores
from smalta.system.records import parse_json, read_record
from smalta.system.whole_files import write_bytes

CACHE_FILE = "machine.json"
DISTURBED_SECONDS = 3600.0  # a disturbed measurement is used this long
_PACKAGES = ("smalta", "numpy", "openvino", "torch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine that a plan is made for.

    Attributes:
        processor: name, caches, instruction sets.
        cores: that the process may use; affinity and quotas of control groups are respected.
        memory_bytes: of the machine.
        memory_limit: of the process's control groups, bytes; None without a limit.
        glibc: whether the C library is glibc, which can keep large blocks of memory.
        rates: measured.
        gpus: that PyTorch can use.
        unused_gpus: names of installed cards that PyTorch cannot use.
        versions: of the packages that the rates depend on.
        measured: date and time of the measurement.
    """

    processor: Processor
    cores: int
    memory_bytes: int
    memory_limit: int | None
    glibc: bool
    rates: Rates
    gpus: tuple[Gpu, ...] = ()
    unused_gpus: tuple[str, ...] = ()
    versions: Mapping[str, str | None]
    measured: str

    @property
    def usable_memory(self) -> int:
        """Bytes that the process may use in total."""
        return min(self.memory_bytes, self.memory_limit or self.memory_bytes)

    def to_dict(self) -> dict[str, Any]:
        """The machine as plain data for a JSON file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from a parsed JSON file.

        Raises:
            ConfigError: if `to_dict` did not write it.
        """
        return read_record(cls, values, what="the machine", fix="measure it again", complete=True)


def this_machine(*, refresh: bool = False) -> Machine:
    """The machine that this process runs on.

    An earlier measurement is read from the user's cache folder if processor, number of cores and versions are the same.
    A disturbed measurement is used for an hour.

    Args:
        refresh: measure again.

    Example:
        >>> this_machine().cores > 0
        True
    """
    facts, cores, versions = processor(), usable_cores(), _versions()
    kept = None if refresh else _read(cache_file())
    memory, limit = psutil.virtual_memory().total, cgroup.memory_limit()
    same = kept is not None and (kept.processor, kept.cores, kept.versions) == (facts, cores, versions)
    if kept is not None and same and (not kept.rates.disturbed or _age(cache_file()) < DISTURBED_SECONDS):
        return replace(kept, memory_bytes=memory, memory_limit=limit)
    gpus, unused = _gpus()
    machine = Machine(
        processor=facts,
        cores=cores,
        memory_bytes=memory,
        memory_limit=limit,
        glibc=platform.libc_ver()[0] == "glibc",
        rates=measure(cores, facts.caches),
        gpus=gpus,
        unused_gpus=unused,
        versions=versions,
        measured=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    )
    _write(cache_file(), machine)
    return machine


def cache_file() -> Path:
    """Where the measured speeds are kept."""
    if told := os.environ.get("XDG_CACHE_HOME"):
        folder = Path(told)
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        folder = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return folder / "smalta" / CACHE_FILE


def _read(path: Path) -> Machine | None:
    try:
        return Machine.from_dict(parse_json(path.read_bytes()))
    except (OSError, SmaltaError):
        return None  # missing, or of another version: measured again


def _age(path: Path) -> float:
    """Seconds since a file was written."""
    return time.time() - path.stat().st_mtime


def _write(path: Path, machine: Machine) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, (json.dumps(machine.to_dict(), indent=1) + "\n").encode())
    except (OSError, SmaltaError):
        return  # without a writable cache folder, each start takes one second longer


def _versions() -> dict[str, str | None]:
    def installed_version(package: str) -> str | None:
        try:
            return version(package)
        except PackageNotFoundError:
            return None

    return {package: installed_version(package) for package in _PACKAGES}


def _gpus() -> tuple[tuple[Gpu, ...], tuple[str, ...]]:
    """Cards that PyTorch can use, measured; and names of cards that it cannot use."""
    there = installed()
    if not there or find_spec("torch") is None:
        return (), tuple(name for name, _ in there)
    from smalta.model.cuda_rates import measure_cuda, usable_cards

    gpus = []
    for index, name in usable_cards():
        found = measure_cuda(index)
        flops = {precision: found[precision] for precision in ("fp32", "bf16")}
        gpus.append(
            Gpu(
                name=name,
                memory_bytes=int(found["memory_bytes"]),
                flops=flops,
                bandwidth=found["bandwidth"],
                cache_bytes=int(found["cache_bytes"]),
                transfer=found["transfer"],
                launch_seconds=found["launch_seconds"],
            )
        )
    return tuple(gpus), () if gpus else tuple(name for name, _ in there)
