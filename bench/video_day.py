"""A day of a camera, fed fast: does memory grow, does a step get slower: `python -m bench.video_day`.

In:  50,000 generated walkers in 24 hours of stream time.
Out: memory, processor time of a step and bytes of the log by hour, as JSON on the last line.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.walkers import RULES, SIZE_HW, TREE, Walkers
from bench.walkers_watch import Parts, header
from smalta.video.log import EventLog
from smalta.video.logbook.log_reading import LogReader
from smalta.video.replay import replay
from smalta.video.rules import WatchRules

HOURS, PEOPLE, FPS = 24, 50_000, 2.5
WARM_UP, COMPARED = 100, 1500  # frames


def held_bytes() -> int:
    """Bytes of memory that this process holds now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def old_and_fresh(walkers: Walkers, saved: dict[str, Any], fps: float) -> dict[str, float]:
    """Processor time of a step of a watch that goes on from a state, and of one that has just begun, frame by frame.

    Both see the same frames in turn, so other programs slow both alike.
    """
    first, parts = round(saved["tracker"]["time_s"] * fps) + 1, (Parts(state=saved), Parts())
    for number in range(max(first - WARM_UP, 0), first):
        parts[1].step(walkers, number, fps)
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(first, first + COMPARED):
        time_s = number / fps
        found, ground = walkers.frame(number, time_s)
        for one, spent in zip(parts, seconds, strict=True):
            began = time.process_time()
            events = one.engine.step(number, time_s, one.tracker.detected(time_s, found, None), ground, None)
            spent.append(time.process_time() - began)
            one.counts.add_all(events)
    old, fresh = (1000 * statistics.median(spent) for spent in seconds)
    return {"old_ms": round(old, 3), "fresh_ms": round(fresh, 3), "old_over_fresh": round(old / fresh, 3)}


def day(folder: Path, *, hours: int = HOURS, people: int = PEOPLE, fps: float = FPS) -> dict[str, Any]:
    """Watch a day; processor seconds are those of tracker, rules and log together, without the making of walkers."""
    walkers = Walkers.made(1, people=people, seconds=hours * 3600)
    rules = WatchRules.parse(RULES, TREE).fitted(SIZE_HW)
    parts, rows = Parts(rules=rules), []
    with EventLog.begin(folder, header(rules, 1)) as log:
        parts.counts.add(LogReader(folder).start)
        for hour in range(hours):
            if hour == hours - 1:
                compared = old_and_fresh(walkers, json.loads(json.dumps(parts.saved())), fps)
            seconds = _hour(walkers, parts, log, hour, fps)
            gc.collect()
            rows.append(
                {
                    "hour": hour + 1,
                    "held_mib": round(held_bytes() / 2**20, 1),
                    "step_ms": round(1000 * statistics.fmean(seconds), 3),
                    "log_mib": round((folder / "events.jsonl").stat().st_size / 2**20, 2),
                    "state_kib": round(len(json.dumps(parts.saved())) / 1024, 1),
                }
            )
            print(rows[-1], flush=True)
    with (folder / "events.jsonl").open("rb") as file:
        lines = sum(1 for _ in file)
    began = time.process_time()
    same = replay(folder, by="hour").counts == parts.counts
    return {
        "hours": rows,
        "steps": hours * 3600 * fps,
        "people": people,
        "tracks": parts.tracker.state()["next"] - 1,
        "events": lines,
        "bytes_per_event": round((folder / "events.jsonl").stat().st_size / lines),
        "memory_growth_after_first_hour_mib": round(max(row["held_mib"] for row in rows) - rows[0]["held_mib"], 1),
        "step_last_over_first_hour": round(rows[-1]["step_ms"] / rows[0]["step_ms"], 3),
        "step_before_the_last_hour": compared,
        "replay_equals_live_counts": same,
        "replay_processor_seconds": round(time.process_time() - began, 1),
    }


def _hour(walkers: Walkers, parts: Parts, log: EventLog, hour: int, fps: float) -> list[float]:
    """Watch an hour; processor seconds of each step."""
    seconds = []
    for number in range(round(hour * 3600 * fps), round((hour + 1) * 3600 * fps)):
        time_s = number / fps
        found, ground = walkers.frame(number, time_s)
        began = time.process_time()
        events = parts.engine.step(number, time_s, parts.tracker.detected(time_s, found, None), ground, None)
        parts.counts.add_all(events)
        log.append(events)
        seconds.append(time.process_time() - began)
        if log.due():
            log.save(parts.saved())
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=HOURS)
    parser.add_argument("--state", type=Path, help="state.json of a day: only compare its next steps")
    options = parser.parse_args()
    if options.state:
        walkers = Walkers.made(1, people=PEOPLE, seconds=HOURS * 3600)
        print(json.dumps(old_and_fresh(walkers, json.loads(options.state.read_text())["state"], FPS)))
        return
    with tempfile.TemporaryDirectory() as folder:
        people = PEOPLE * options.hours // HOURS
        print(json.dumps(day(Path(folder), hours=options.hours, people=people)))


if __name__ == "__main__":
    main()
