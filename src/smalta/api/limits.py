"""Parse limits as users write them: text for memory, milliseconds, a device by name.

In:  limits as text and numbers.
Out: `Limits`.

Must not know: plans, models.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast, get_args

from smalta.errors import ConfigError
from smalta.runtimes.registry import AUTO, WantedDevice

if TYPE_CHECKING:
    from smalta.planning.plan import Limits

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def limits_of(
    *,
    memory: int | str | None = None,
    threads: int | None = None,
    tile: int | None = None,
    device: str = AUTO,
    batch: int | None = None,
    latency_ms: float | None = None,
) -> Limits:
    """The limits of a plan; None leaves a limit to the machine.

    Args:
        memory: of the whole process, bytes, or text such as "512MB".
        threads: in total.
        tile: side of tiles, pixels.
        device: "auto", "cpu" or "cuda".
        batch: pictures per pass.
        latency_ms: for one picture, milliseconds.

    Raises:
        ConfigError: if a value is invalid.
    """
    from smalta.planning.plan import Limits

    wanted = checked_device(device)
    return Limits(
        memory_bytes=n_bytes(memory) if isinstance(memory, str) else memory,
        latency_seconds=None if latency_ms is None else latency_ms / 1e3,
        threads=threads,
        device=None if wanted == AUTO else wanted,
        batch=batch,
        tile=tile,
    )


def checked_device(name: str) -> WantedDevice:
    """Check the name of a device.

    Raises:
        ConfigError: if the name is unknown.
    """
    if name not in get_args(WantedDevice):
        *others, last = map(repr, get_args(WantedDevice))
        raise ConfigError(f"device must be {', '.join(others)} or {last}, got {name!r}")
    return cast(WantedDevice, name)


def n_bytes(text: str) -> int:
    """Parse bytes from text such as "512MB", "2GiB" or "1000000"; units are powers of 1024.

    Raises:
        ConfigError: if it is not a size.

    Example:
        >>> n_bytes("512MB"), n_bytes("1.5G")
        (536870912, 1610612736)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        raise ConfigError(f"{text!r} is not a size of memory; write it as 512MB or 2GB")
    return int(float(found[1]) * _UNITS[found[2].upper()])
