"""Watch generated walkers as `smalta watch` watches a file: `python -m bench.walkers_watch FOLDER SEED FRAMES`.

In:  a folder, with or without the log of an earlier, killed run.
Out: the log of the whole clip. It prints "ready" before the first frame.

The state is saved every 0.05 s, so that a kill at a random moment hits all parts of the work.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.walkers import CELL, RULES, SIZE_HW, TREE, Walkers
from smalta.video.counts import Counts
from smalta.video.events import EventEngine
from smalta.video.log import EventLog
from smalta.video.logbook.event_lines import Event, log_seconds
from smalta.video.logbook.log_header import LogHeader
from smalta.video.logbook.log_reading import LogReader
from smalta.video.rules import WatchRules
from smalta.video.tracks import Tracker

SAVE_EVERY_S = 0.05
FPS = 10.0


@dataclass(kw_only=True)
class Parts:
    """All that has a state, made anew or from a state."""

    rules: WatchRules = field(default_factory=lambda: WatchRules.parse(RULES, TREE).fitted(SIZE_HW))
    state: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        where: dict[str, Any] = {"size_hw": SIZE_HW, "cell": CELL}
        if self.state is None:
            self.next, self.counts = 0, Counts()
            self.tracker, self.engine = Tracker(TREE, **where), EventEngine(TREE, self.rules, **where)
            return
        self.next, self.counts = self.state["next"], Counts.restored(self.state["counts"])
        self.tracker = Tracker.restored(TREE, self.state["tracker"], **where)
        self.engine = EventEngine.restored(TREE, self.rules, self.state["engine"], **where)

    def step(self, walkers: Walkers, number: int, fps: float) -> list[Event]:
        """The events of a frame."""
        time_s = number / fps
        found, ground = walkers.frame(number, time_s)
        events = self.engine.step(number, time_s, self.tracker.detected(time_s, found, None), ground, None)
        self.counts.add_all(events)
        self.next = number + 1
        return events

    def saved(self) -> dict[str, Any]:
        return {
            "next": self.next,
            "counts": self.counts.state(),
            "tracker": self.tracker.state(),
            "engine": self.engine.state(),
        }


def header(rules: WatchRules, seed: int) -> LogHeader:
    return LogHeader(
        model="none",
        rules=rules.digest,
        source=f"walkers {seed}",
        size_hw=SIZE_HW,
        lines={line.name: TREE.name(line.of) for line in rules.lines},
        zones={zone.name: TREE.name(zone.of) for zone in rules.zones},
        events=tuple(rule.name for rule in rules.events),
    )


def watch(folder: Path, seed: int, frames: int, *, people: int, fps: float = FPS, save_every_s: float) -> Counts:
    """Watch a clip to its end, from where the folder's log stands; returns the live counts."""
    walkers = Walkers.made(seed, people=people, seconds=frames / fps)
    rules = Parts().rules
    log, state = EventLog.resumed(folder, header(rules, seed), save_every_s=save_every_s)
    with log:
        parts = Parts(rules=rules, state=state)
        if state is None:
            parts.counts.add(LogReader(folder).start)
        print("ready", flush=True)
        for number in range(parts.next, frames):
            log.append(parts.step(walkers, number, fps))
            if log.due():
                log.save(parts.saved())
        end = Event(time_s=log_seconds((frames - 1) / fps), frame=frames - 1, kind="ended", value=frames)
        log.append([end])
        parts.counts.add(end)
    return parts.counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("seed", type=int)
    parser.add_argument("frames", type=int)
    options = parser.parse_args()
    began = time.process_time()
    people = max(options.frames // 10, 1)
    counts = watch(options.folder, options.seed, options.frames, people=people, save_every_s=SAVE_EVERY_S)
    passed = counts.passed("door")
    print(f"{passed.in_low} in, {passed.out_low} out, {time.process_time() - began:.1f} s of processor time")


if __name__ == "__main__":
    main()
