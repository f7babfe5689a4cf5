"""Counters of caches behind a stand-in for the system call: a pipe that holds what the kernel would answer."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest

from smalta.errors import ConfigError
from smalta.system import counters
from smalta.system.counters import count_caches

COUNTS = {(3, 0): 1000, (3, 1 << 16): 50, (3, 2): 40, (3, 2 | 1 << 16): 10}  # by type and number of the event


class Kernel:
    """Answers each event with a count per thread; it was counted half of the time."""

    def __init__(self, known: dict[tuple[int, int], int]) -> None:
        self.known, self.files, self.ran = known, list[int](), 0

    def open(self, number: int, attributes: bytes, thread: int) -> int:
        kind, size, config, _, _, _, flags = struct.unpack_from("<IIQQQQQ", attributes)
        assert (number, size, len(attributes)) == (298, 128, 128)
        assert flags == 1 << 5 | 1 << 6  # the kernel's own work is left out
        assert thread > 0
        if (kind, config) not in self.known:
            raise OSError(errno.ENOENT, "unknown event")
        ready, write = os.pipe()
        os.write(write, struct.pack("<QQQ", self.known[kind, config], 200, 100))
        os.close(write)
        self.files.append(ready)
        return ready

    def run(self) -> None:
        self.ran += 1


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters.sys, "platform", "linux")
    monkeypatch.setattr(counters.platform, "machine", lambda: "x86_64")


def use_processor(patch: pytest.MonkeyPatch, folder: Path, vendor: str) -> None:
    (folder / "cpuinfo").write_text(f"vendor_id : {vendor}")
    patch.setattr(counters, "CPU_INFO", folder / "cpuinfo")


def use(kernel: Kernel, patch: pytest.MonkeyPatch, threads: int = 1) -> None:
    patch.setattr(counters, "_perf_event_open", kernel.open)
    patch.setattr(counters.Path, "iterdir", lambda self: iter([Path(str(7 + thread)) for thread in range(threads)]))


def test_counts_are_summed_over_threads_and_scaled_to_the_whole_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kernel = Kernel(COUNTS)
    use_processor(monkeypatch, tmp_path, "GenuineIntel")
    use(kernel, monkeypatch, threads=3)

    found = count_caches(kernel.run)

    assert (found.l1_reads, found.l1_misses) == (6000, 300)
    assert (found.last_reads, found.last_misses) == (240, 60)
    assert kernel.ran == 2  # once to start the threads
    for file in kernel.files:  # all are closed
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(file)


@pytest.mark.parametrize(("vendor", "level"), [("AuthenticAMD", "l2"), ("GenuineIntel", "l3")])
def test_a_processor_without_events_of_its_last_level_uses_the_general_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, vendor: str, level: str
) -> None:
    kernel = Kernel({(3, 0): 1000, (0, 2): 7, (0, 3): 2})
    use(kernel, monkeypatch)
    use_processor(monkeypatch, tmp_path, vendor)

    found = count_caches(kernel.run)

    assert (found.l1_reads, found.l1_misses, found.last_reads, found.last_misses) == (2000, None, 14, 4)
    assert found.last_level == level


def test_a_machine_without_counters_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel({})
    use(kernel, monkeypatch)

    with pytest.raises(ConfigError, match="this processor offers no counters of its caches; most virtual machines"):
        count_caches(kernel.run)
    assert kernel.ran == 1


@pytest.mark.parametrize(
    ("level", "sentence"),
    [
        ("4", "kernel.perf_event_paranoid is 4 and must be at most 2; run `sudo sysctl kernel.perf_event_paranoid=2`"),
        ("2", "not allowed in this container; start it with `--cap-add PERFMON`"),
        ("no", "not allowed in this container"),
    ],
)
def test_a_refusal_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, level: str, sentence: str) -> None:
    def refuse(number: int, attributes: bytes, thread: int) -> int:
        raise OSError(errno.EACCES, "no")

    (tmp_path / "paranoid").write_text(level)
    monkeypatch.setattr(counters, "PARANOID", tmp_path / "paranoid")
    monkeypatch.setattr(counters, "_perf_event_open", refuse)

    with pytest.raises(ConfigError, match=sentence.replace("(", r"\(").replace("=", "=")):
        count_caches(lambda: None)


def test_other_systems_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters.sys, "platform", "darwin")

    with pytest.raises(ConfigError, match="on Linux only, not on darwin x86_64"):
        count_caches(lambda: None)


def test_the_real_call_counts_or_says_why_not() -> None:
    found, told = None, ""
    try:
        found = count_caches(lambda: sum(range(100_000)))
    except ConfigError as error:
        told = str(error)

    assert found is not None or "counters" in told
