"""Describe the machine: cores, caches, memory, instruction sets, cards, and how fast they are.

In:  the system; a file in the user's cache folder, so that speeds are measured once per machine and version.
Out: `Machine`, now or measured again during the work.

A number that was disturbed while it was measured serves this command alone; the next one measures it again.

Must not know: networks, plans.
"""

from __future__ import annotations

import json
import mmap
import os
import platform
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import psutil

from smalta.errors import ConfigError, SmaltaError
from smalta.planning.facts import Processor, processor
from smalta.planning.gpus import Gpu, installed
from smalta.planning.measuring import measure
from smalta.planning.rates import Rates, names_of
from smalta.system import cgroup
from smalta.system.cores import usable_cores
from smalta.system.load import LoadMeter
from smalta.system.records import parse_json, read_record
from smalta.system.whole_files import write_bytes

CACHE_FILE = "machine.json"
QUIET_SECONDS = 0.1  # of a look at the load
QUIET = 0.1  # share of the cores that other programs may use while the machine is measured again
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What the cache file keeps: numbers that nothing disturbed, and what they depend on.

    Attributes:
        processor, cores, versions, gpus, unused_gpus, measured: as in `Machine`.
        numbers: as in `Rates.numbers`.
    """

    processor: Processor
    cores: int
    versions: Mapping[str, str | None]
    gpus: tuple[Gpu, ...]
    unused_gpus: tuple[str, ...]
    numbers: Mapping[str, float]
    measured: str

    def __post_init__(self) -> None:
        if not all(value > 0 for value in self.numbers.values()):
            raise ConfigError(f"measured speeds must be above 0, the least is {min(self.numbers.values())}")


def this_machine(*, refresh: bool = False) -> Machine:
    """The machine that this process runs on.

    Earlier measurements are read from the user's cache folder if processor, number of cores and versions are the same.
    Numbers that other programs or an unsteady clock disturbed are not kept; they alone are measured again.

    Args:
        refresh: measure all again.

    Example:
        >>> this_machine().cores > 0
        True
    """
    facts, cores, versions = processor(), usable_cores(), _versions()
    kept = None if refresh else _read(cache_file())
    if kept is not None and (kept.processor, kept.cores, kept.versions) != (facts, cores, versions):
        kept = None
    known = {} if kept is None else kept.numbers
    if kept is not None and known.keys() >= set(names_of(cores, facts)):
        return _machine(kept, Rates.of(known, mmap.PAGESIZE, {}))
    rates = measure(cores, facts, quota=cgroup.cpu_quota(), known=known)
    gpus, unused = (kept.gpus, kept.unused_gpus) if kept is not None else _gpus()
    kept = _Kept(
        processor=facts,
        cores=cores,
        versions=versions,
        gpus=gpus,
        unused_gpus=unused,
        numbers={name: value for name, value in rates.numbers.items() if name not in rates.disturbed},
        measured=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    )
    _write(cache_file(), kept)
    return _machine(kept, rates)


def measured_again() -> Machine | None:
    """The machine, measured again now; None if other programs are busy, so that the numbers would be disturbed.

    Call it while the process itself does nothing: between two pictures or training steps. It takes a tenth of a second
    on a busy machine, and about two seconds on a quiet one. Later commands use the new numbers.
    """
    meter = LoadMeter()
    time.sleep(QUIET_SECONDS)
    load = meter.look()
    return this_machine(refresh=True) if load.other_cores <= QUIET * load.seen_cores else None


def forget() -> None:
    """Remove the kept numbers, so that the next command measures the machine again."""
    with suppress(OSError):
        cache_file().unlink(missing_ok=True)


def _machine(kept: _Kept, rates: Rates) -> Machine:
    return Machine(
        processor=kept.processor,
        cores=kept.cores,
        memory_bytes=psutil.virtual_memory().total,
        memory_limit=cgroup.memory_limit(),
        glibc=platform.libc_ver()[0] == "glibc",
        rates=rates,
        gpus=kept.gpus,
        unused_gpus=kept.unused_gpus,
        versions=kept.versions,
        measured=kept.measured,
    )


def cache_file() -> Path:
    """Where the measured speeds are kept."""
    if told := os.environ.get("XDG_CACHE_HOME"):
        folder = Path(told)
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        folder = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return folder / "smalta" / CACHE_FILE


def _read(path: Path) -> _Kept | None:
    try:
        return read_record(_Kept, parse_json(path.read_bytes()), what="the machine", complete=True)
    except (OSError, SmaltaError):
        return None  # missing, or of another version: measured again


def _write(path: Path, kept: _Kept) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, (json.dumps(asdict(kept), indent=1) + "\n").encode())
    except (OSError, SmaltaError):
        return  # without a writable cache folder, each start takes one or two seconds longer


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
