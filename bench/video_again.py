"""Is a watch the same when it is run again, killed, or replayed; do memory, speed and intervals hold?

    python -m bench.video_again [same] [day] [intervals] [--watch MODEL VIDEO RULES]

In:  generated walkers (`bench.walkers`), no network; with --watch a model, a video and rules, through `smalta watch`.
Out: bench/results/video_again.json; parts that are not asked for keep their earlier result.

same       two runs of a clip, and runs with 1 and 2 threads, give a byte-equal log. So does a run that is killed
           (SIGKILL) at 100 random moments and goes on after each. A replay equals the live counts.
day        24 h of stream time with 50,000 people: memory after the first hour, time of a step.
intervals  nominal 90 % intervals on 500 unseen windows for each kind of miscounting; simulated.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.common import REPOSITORY, RESULTS, exit_on_error, machine_facts, recorded_load, smalta_command, write_result
from bench.video_intervals import coverages
from bench.walkers_watch import watch
from smalta.video.counts import Counts
from smalta.video.logbook.log_reading import LogReader
from smalta.video.replay import replay

KILLS = 100
FRAMES = 1000  # of a clip
PARTS = ("same", "day", "intervals")
Command = Callable[[Path, int], list[str]]  # folder, seed


def walkers_command(folder: Path, seed: int) -> list[str]:
    return [sys.executable, "-m", "bench.walkers_watch", str(folder), str(seed), str(FRAMES)]


def watch_command(model: str, video: str, rules: str) -> Command:
    def command(folder: Path, seed: int) -> list[str]:
        del seed  # the video is one
        return [*smalta_command(), "watch", model, video, "--rules", rules, "--out", str(folder), "--resume"]

    return command


def finished(command: Sequence[str], threads: int = 1) -> float:
    """Run a command to its end; returns its seconds by the clock."""
    environment = os.environ | {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    began = time.monotonic()
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def killed(command: Sequence[str], seconds: float) -> bool:
    """Run a command and kill it after some seconds; returns whether it was still running."""
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return True
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
        return False


def same(command: Command, kills: int) -> dict[str, Any]:
    """Logs of runs that are repeated, given other threads, and killed."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as root:
        reference, again, two = (Path(root) / name for name in ("reference", "again", "two"))
        whole_s = finished(command(reference, 0))
        finished(command(again, 0))
        finished(command(two, 0), threads=2)
        log = _log(reference)
        found: dict[str, Any] = {
            "bytes": len(log),
            "events": log.count(b"\n"),
            "two_runs_equal": _log(again) == log,
            "one_and_two_threads_equal": _log(two) == log,
            "replay_equals_live_counts": _replay_equals_fold(reference),
        }
        done = clips = equal = cut = working = 0
        while done < kills:
            folder, clips = Path(root) / f"killed{clips}", clips + 1
            wanted = _log_of(command, Path(root), clips, reference)
            before = _standing(folder)
            while killed(command(folder, clips), draw.uniform(0.05, 0.5 * whole_s)):
                done += 1
                working, before = working + (_standing(folder) != before), _standing(folder)
                cut += _ends_within_a_line(folder)
                if done == kills:
                    finished(command(folder, clips))
                    break
            equal += _log(folder) == wanted
    return found | {
        "kills": done,
        "kills_after_log_or_state_grew": working,  # the others hit a program that had just been started
        "kills_within_a_line": cut,
        "clips": clips,
        "clips_with_an_equal_log": equal,
    }


def _log_of(command: Command, root: Path, seed: int, reference: Path) -> bytes:
    """The log of a clip without a break; a video has one, walkers have one for each seed."""
    if command is not walkers_command:
        return _log(reference)
    folder = root / f"whole{seed}"
    finished(command(folder, seed))
    return _log(folder)


def _log(folder: Path) -> bytes:
    return (folder / "events.jsonl").read_bytes()


def _standing(folder: Path) -> list[int]:
    """Size of the log and time of the state, as far as they exist."""
    log, state = folder / "events.jsonl", folder / "state.json"
    size = [log.stat().st_size] if log.exists() else []
    return size + ([state.stat().st_mtime_ns] if state.exists() else [])


def _ends_within_a_line(folder: Path) -> bool:
    path = folder / "events.jsonl"
    return path.exists() and bool(content := path.read_bytes()) and not content.endswith(b"\n")


def _replay_equals_fold(folder: Path) -> bool:
    return replay(folder).counts == Counts().add_all(LogReader(folder))


def live_counts() -> bool:
    """Whether a replay equals the counts that the watch itself held at its end."""
    with tempfile.TemporaryDirectory() as folder:
        counts = watch(Path(folder), 7, FRAMES, people=FRAMES // 10, save_every_s=1.0)
        return replay(folder, by="minute").counts == counts


def day() -> dict[str, Any]:
    """In a process of its own, whose memory holds nothing else."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.video_day"], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        last = ""
        for last in process.stdout:
            print(last, end="", flush=True)
    found: dict[str, Any] = json.loads(last)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    parser.add_argument("--watch", nargs=3, metavar=("MODEL", "VIDEO", "RULES"))
    parser.add_argument("--kills", type=int, default=KILLS)
    options = parser.parse_args()
    result: dict[str, Any] = {}
    for part in options.parts or ([] if options.watch else PARTS):
        with recorded_load() as load:
            if part == "same":
                found = same(walkers_command, options.kills) | {"replay_equals_live_counts": live_counts()}
            elif part == "day":
                found = day()
            else:
                found = coverages()
        result[part] = found | {"load": dict(load)}
        print(part, json.dumps(result[part]))
    if options.watch:
        with recorded_load() as load:
            found = same(watch_command(*options.watch), options.kills)
        result["watch"] = found | {"load": dict(load)}
        print("watch", json.dumps(result["watch"]))
    path = RESULTS / "video_again.json"
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    write_result("video_again", earlier | result | {"machine": machine_facts()}, scratch=options.kills < KILLS)


if __name__ == "__main__":
    exit_on_error(main)
