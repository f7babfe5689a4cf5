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
from smalta.video.log_reading import LogReader
from smalta.video.replay import replay
from smalta.video.rules import WatchRules

HOURS, PEOPLE, FPS = 24, 50_000, 2.5


def held_bytes() -> int:
    """Bytes of memory that this process holds now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def day(folder: Path, *, hours: int = HOURS, people: int = PEOPLE, fps: float = FPS) -> dict[str, Any]:
    """Watch a day; processor seconds are those of tracker, rules and log together, without the making of walkers."""
    walkers = Walkers.made(1, people=people, seconds=hours * 3600)
    rules = WatchRules.parse(RULES, TREE).fitted(SIZE_HW)
    parts, rows = Parts(rules=rules), []
    with EventLog.begin(folder, header(rules, 1)) as log:
        parts.counts.add(LogReader(folder).start)
        for hour in range(hours):
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
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        people = PEOPLE * options.hours // HOURS
        print(json.dumps(day(Path(folder), hours=options.hours, people=people)))


if __name__ == "__main__":
    main()
