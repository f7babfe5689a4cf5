import struct
from pathlib import Path

import pytest

from smalta.planning.facts import Caches, caches_from_windows, from_linux, from_sysctl, processor

KIB, MIB = 2**10, 2**20


def linux(root: Path, cpuinfo: str, caches: dict[int, list[tuple[int, str, str, str]]]) -> Path:
    (root / "proc").mkdir(parents=True)
    (root / "proc/cpuinfo").write_text(cpuinfo)
    for core, entries in caches.items():
        for index, values in enumerate(entries):
            folder = root / f"sys/devices/system/cpu/cpu{core}/cache/index{index}"
            folder.mkdir(parents=True)
            for name, value in zip(("level", "type", "size", "shared_cpu_list"), values, strict=True):
                (folder / name).write_text(f"{value}\n")
    return root


def test_linux_counts_each_cache_once_among_the_cores_that_may_be_used(tmp_path: Path) -> None:
    #                     cores 0 and 1 share an L2, as threads of one core do; 2 has its own and another L3
    def core(l2: str, l3: str, own: int) -> list[tuple[int, str, str, str]]:
        return [
            (1, "Data", "48K", str(own)),
            (1, "Instruction", "32K", str(own)),
            (2, "Unified", "2048K", l2),
            (3, "Unified", "32M", l3),
        ]

    root = linux(
        tmp_path,
        "processor : 0\nmodel name : A Server CPU\nflags : fpu avx2 avx512f avx512_vnni avx512_bf16 amx_tile\n",
        {0: core("0-1", "0-1", 0), 1: core("0-1", "0-1", 1), 2: core("2-3", "2-3", 2), 3: core("2-3", "2-3", 3)},
    )

    found = from_linux(root, [0, 1, 2])

    assert found.name == "A Server CPU"
    assert found.caches == Caches(l1=48 * KIB, l2=2 * MIB, l3=32 * MIB, l2_total=4 * MIB, l3_total=64 * MIB)
    assert found.instructions == ("AVX2", "AVX-512", "VNNI", "bf16", "AMX")


def test_linux_on_arm_has_features_instead_of_flags_and_may_hide_its_caches(tmp_path: Path) -> None:
    root = linux(tmp_path, "processor : 0\nFeatures : fp asimd i8mm bf16 sve\n", {})

    found = from_linux(root, [0])

    assert found.instructions == ("bf16", "NEON", "I8MM", "SVE")
    assert found.caches == Caches()  # unknown is 0, not a guess


@pytest.mark.parametrize(
    ("cpuinfo", "files", "clock"),
    [
        ("model name : A CPU\nflags : fpu\nbogomips : 5192.19\n", {}, 2.6e9),  # of the time stamp counter
        ("model name : A CPU @ 2.20GHz\nflags : fpu\nbogomips : 4000.00\n", {}, 2.2e9),
        ("flags : fpu\nbogomips : 4000.00\n", {"cpuinfo_max_freq": "3700000"}, 3.7e9),
        ("flags : fpu\n", {"cpuinfo_max_freq": "3700000", "base_frequency": "2100000"}, 2.1e9),
        ("Features : asimd\nbogomips : 50.00\n", {}, 0.0),  # on Arm, it says nothing of the clock
    ],
)
def test_linux_has_the_nominal_clock_in_several_places(
    tmp_path: Path, cpuinfo: str, files: dict[str, str], clock: float
) -> None:
    root = linux(tmp_path, cpuinfo, {})
    folder = root / "sys/devices/system/cpu/cpu0/cpufreq"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")

    assert from_linux(root, [0]).clock == pytest.approx(clock)


def test_macos_tells_the_fast_cores_caches() -> None:
    found = from_sysctl(
        {
            "machdep.cpu.brand_string": "Apple M2 Pro",
            "hw.l1dcachesize": "65536",
            "hw.perflevel0.l1dcachesize": "131072",
            "hw.perflevel0.l2cachesize": "16777216",
            "hw.perflevel0.physicalcpu": "8",
            "hw.perflevel0.cpusperl2": "4",
            "hw.optional.arm.FEAT_BF16": "1",
            "hw.optional.arm.FEAT_I8MM": "0",
            "hw.optional.neon": "1",
        },
        "arm64",
    )

    assert found.name == "Apple M2 Pro"
    assert found.caches == Caches(l1=128 * KIB, l2=16 * MIB, l3=0, l2_total=32 * MIB, l3_total=0)
    assert found.instructions == ("bf16", "NEON")


def test_macos_on_intel_has_the_older_keys() -> None:
    values = {"hw.l1dcachesize": "32768", "hw.l2cachesize": "262144", "hw.l3cachesize": "8388608"}
    values |= {"hw.physicalcpu": "4", "hw.optional.avx2_0": "1", "hw.optional.avx512f": "0"}

    found = from_sysctl(values, "x86_64")

    assert (found.caches.l2, found.caches.l3) == (256 * KIB, 8 * MIB)
    assert found.instructions == ("AVX2",)


def test_windows_writes_caches_as_records_of_their_own_length() -> None:
    def record(level: int, size: int, kind: int) -> bytes:
        body = struct.pack("<BBHII", level, 8, 64, size, kind)
        return struct.pack("<II", 2, 8 + len(body) + 36) + body + bytes(36)

    unified, instruction, data = 0, 1, 2
    records = record(1, 48 * KIB, data) + record(1, 32 * KIB, instruction)
    records += record(2, MIB, unified) * 2 + record(3, 16 * MIB, unified)

    assert caches_from_windows(records) == Caches(l1=48 * KIB, l2=MIB, l3=16 * MIB, l2_total=2 * MIB, l3_total=16 * MIB)


def test_the_processor_of_this_machine_has_a_name() -> None:
    assert processor().name
