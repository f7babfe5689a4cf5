"""Read what the processor is: its name, caches and instruction sets, on Linux, macOS and Windows.

In:  /sys and /proc, `sysctl`, or the Windows calls.
Out: `Processor`. What a system does not report is empty or 0, never a guess.

Must not know: what is measured, what the facts are for.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import struct
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

# displayed name -> flags, any one is enough: of /proc/cpuinfo on x86 and Arm, then keys of macOS
INSTRUCTIONS: Mapping[str, tuple[str, ...]] = {
    "AVX2": ("avx2", "hw.optional.avx2_0"),
    "AVX-512": ("avx512f", "hw.optional.avx512f"),
    "VNNI": ("avx512_vnni", "avx_vnni"),
    "bf16": ("avx512_bf16", "amx_bf16", "bf16", "hw.optional.arm.FEAT_BF16"),
    "AMX": ("amx_tile",),
    "NEON": ("asimd", "neon", "hw.optional.neon", "hw.optional.AdvSIMD"),
    "I8MM": ("i8mm", "hw.optional.arm.FEAT_I8MM"),
    "SVE": ("sve",),
}
_WINDOWS_FEATURES = {"AVX2": 40, "AVX-512": 41, "NEON": 19}  # arguments of IsProcessorFeaturePresent


@dataclass(frozen=True, slots=True, kw_only=True)
class Caches:
    """Bytes of each level; 0 where the system does not report it, or the level does not exist.

    Attributes:
        l1: data cache of one core.
        l2: of one core, or of the few cores that share it.
        l3: one shared cache.
        l2_total: sum over all caches that the usable cores reach.
        l3_total: the same.
    """

    l1: int = 0
    l2: int = 0
    l3: int = 0
    l2_total: int = 0
    l3_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """A processor as its system describes it.

    Attributes:
        name: given by the maker.
        architecture: such as "x86_64" or "arm64".
        caches: of the cores that the process may use.
        instructions: those that matter for convolutions.
        clock: nominal cycles per second of a core; 0 where the system does not report it.
    """

    name: str
    architecture: str
    caches: Caches
    instructions: tuple[str, ...]
    clock: float = 0.0


def processor() -> Processor:
    """The processor of this machine."""
    if sys.platform == "darwin":
        return from_sysctl(_sysctl(), platform.machine())
    if sys.platform == "win32":
        return _windows()
    return from_linux(Path("/"), os.sched_getaffinity(0))


# -- Linux --------------------------------------------------------------------------------------------


def from_linux(root: Path, cores: Iterable[int]) -> Processor:
    """Read /proc/cpuinfo and /sys.

    Args:
        root: of the file system; tests pass a folder.
        cores: numbers of the cores that the process may use.
    """
    lines = (root / "proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    stated = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = (stated.get("flags") or stated.get("Features") or "").split()
    return Processor(
        name=stated.get("model name") or platform.machine(),
        architecture=platform.machine(),
        caches=_linux_caches(root, sorted(cores)),
        instructions=_known(flags),
        clock=_linux_clock(root, stated),
    )


def _linux_clock(root: Path, stated: Mapping[str, str]) -> float:
    """The nominal clock: of the driver, in the processor's name, or of its time stamp counter, which it equals."""
    driver = root / "sys/devices/system/cpu/cpu0/cpufreq"
    for name in ("base_frequency", "cpuinfo_max_freq"):
        if (driver / name).is_file():
            return 1e3 * float((driver / name).read_text())
    if named := re.search(r"@ ([\d.]+)GHz", stated.get("model name", "")):
        return 1e9 * float(named[1])
    if "flags" in stated and "bogomips" in stated:  # x86 only: twice the counter's MHz, which does not vary
        return round(float(stated["bogomips"]) / 2 / 10) * 1e7
    return 0.0


def _linux_caches(root: Path, cores: list[int]) -> Caches:
    sizes: dict[tuple[int, str], int] = {}  # by level and by which cores share it
    for core in cores:
        for entry in sorted((root / f"sys/devices/system/cpu/cpu{core}/cache").glob("index*")):
            level, kind, size = ((entry / name).read_text().strip() for name in ("level", "type", "size"))
            if kind != "Instruction":
                shared = (entry / "shared_cpu_list").read_text().strip()
                sizes[int(level), shared] = _with_unit(size)
    return _caches((level, size) for (level, _), size in sizes.items())


def _with_unit(size: str) -> int:
    factor = {"K": 2**10, "M": 2**20, "G": 2**30}.get(size[-1:], 1)
    return int(size.rstrip("KMG")) * factor


def _caches(found: Iterable[tuple[int, int]]) -> Caches:
    """Build from the level and the size of each cache that the usable cores reach."""
    by_level: dict[int, list[int]] = {1: [0], 2: [0], 3: [0]}
    for level, size in found:
        by_level.setdefault(level, []).append(size)
    one = {level: max(sizes) for level, sizes in by_level.items()}
    return Caches(l1=one[1], l2=one[2], l3=one[3], l2_total=sum(by_level[2]), l3_total=sum(by_level[3]))


def _known(flags: Iterable[str]) -> tuple[str, ...]:
    there = set(flags)
    return tuple(name for name, signs in INSTRUCTIONS.items() if there.intersection(signs))


# -- macOS --------------------------------------------------------------------------------------------


def from_sysctl(values: Mapping[str, str], architecture: str) -> Processor:
    """Build from the lines of `sysctl`. Apple's cores share an L2 in clusters; that of the fast cores counts.

    Args:
        values: by key, as text.
        architecture: of the machine.
    """

    def number(*keys: str) -> int:
        return next((int(values[key]) for key in keys if values.get(key, "").isdigit()), 0)

    l1 = number("hw.perflevel0.l1dcachesize", "hw.l1dcachesize")
    l2 = number("hw.perflevel0.l2cachesize", "hw.l2cachesize")
    l3 = number("hw.l3cachesize")
    cores = number("hw.perflevel0.physicalcpu", "hw.physicalcpu")
    clusters = max(cores // max(number("hw.perflevel0.cpusperl2"), 1), 1)
    return Processor(
        name=values.get("machdep.cpu.brand_string", architecture),
        architecture=architecture,
        caches=Caches(l1=l1, l2=l2, l3=l3, l2_total=l2 * clusters, l3_total=l3),
        instructions=_known(key for key, value in values.items() if value == "1"),
        clock=float(number("hw.cpufrequency_max", "hw.cpufrequency")),
    )


def _sysctl() -> dict[str, str]:
    told = subprocess.run(["sysctl", "hw", "machdep.cpu"], capture_output=True, text=True, check=False).stdout
    return dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)


# -- Windows ------------------------------------------------------------------------------------------


def caches_from_windows(records: bytes) -> Caches:
    """Parse what GetLogicalProcessorInformationEx(RelationCache) writes: records that state their length."""
    found, place = [], 0
    while place + 8 <= len(records):
        _relation, length = struct.unpack_from("<II", records, place)
        level, _ways, _line, size, kind = struct.unpack_from("<BBHII", records, place + 8)
        if kind in (0, 2):  # unified or data
            found.append((level, size))
        place += max(length, 8)
    return _caches(found)


def _windows() -> Processor:
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - mypy knows it only on Windows
    length = ctypes.c_ulong(0)
    relation_cache = 2
    kernel.GetLogicalProcessorInformationEx(relation_cache, None, ctypes.byref(length))
    records = ctypes.create_string_buffer(length.value)
    told = kernel.GetLogicalProcessorInformationEx(relation_cache, records, ctypes.byref(length))
    return Processor(
        name=platform.processor() or platform.machine(),
        architecture=platform.machine(),
        caches=caches_from_windows(records.raw[: length.value]) if told else Caches(),
        instructions=tuple(
            name for name, number in _WINDOWS_FEATURES.items() if kernel.IsProcessorFeaturePresent(number)
        ),
    )
