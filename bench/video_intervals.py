"""Whether 90 % intervals of counts hold: logs of cameras that miscount, windows that people counted, unseen windows.

In:  seeds. Everything is simulated: no camera, no people.
Out: shares of unseen windows whose true count lies in the interval, by kind of miscounting.

Each camera has its own true counts and its own way to be wrong. Its log, the table of counted windows, and the learned
intervals take the way of a user: `EventLog`, `watch_check`, `WatchIntervals.ends`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from smalta.video.intervals import watch_check
from smalta.video.log import EventLog
from smalta.video.logbook.event_lines import Event
from smalta.video.logbook.log_header import LogHeader

WINDOW_S = 300
UNSEEN = 10  # windows of each camera
LEARNED = (9, 20, 50)  # windows that people counted
WINDOWS = 500  # unseen ones with an interval, of each kind and number of learned ones
Counted = tuple[np.ndarray, np.ndarray]  # sure and doubtful crossings that a camera counts


def _some_missed(true: np.ndarray, draw: np.random.Generator) -> Counted:
    """Each person is missed with the camera's own probability."""
    return draw.binomial(true, 1 - draw.uniform(0.01, 0.2)), np.zeros_like(true)


def _missed_and_doubled(true: np.ndarray, draw: np.random.Generator) -> Counted:
    """People are missed, and others are counted twice with doubt."""
    return draw.binomial(true, 1 - draw.uniform(0.01, 0.15)), draw.binomial(true, draw.uniform(0, 0.15))


def _crowds(true: np.ndarray, draw: np.random.Generator) -> Counted:
    """The more people there are, the more of them hide one another."""
    hidden = np.clip(true / draw.uniform(60, 300), 0, 0.6)
    return draw.binomial(true, 1 - hidden), draw.poisson(0.3, len(true))


def _light(true: np.ndarray, draw: np.random.Generator) -> Counted:
    """In a sixth of the windows the light is bad, and a third or more of the people are missed."""
    bad = draw.random(len(true)) < 1 / 6
    return draw.binomial(true, np.where(bad, draw.uniform(0.3, 0.7, len(true)), 0.97)), draw.poisson(0.2, len(true))


def _ghosts(true: np.ndarray, draw: np.random.Generator) -> Counted:
    """Shadows are counted as people, now and then many of them."""
    ghosts = draw.poisson(draw.uniform(0.2, 2)) + draw.poisson(np.where(draw.random(len(true)) < 0.05, 12, 0.3))
    return draw.binomial(true, 0.96), ghosts


KINDS: Mapping[str, Callable[[np.ndarray, np.random.Generator], Counted]] = {
    "some missed": _some_missed,
    "missed and doubled": _missed_and_doubled,
    "crowds hide one another": _crowds,
    "bad light in some windows": _light,
    "shadows counted as people": _ghosts,
}


def coverages(seed: int = 0) -> dict[str, Any]:
    """Coverage of unseen windows by kind and by number of learned windows."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            kind: {str(learned): _coverage(kind, learned, seed, Path(folder)) for learned in LEARNED} for kind in KINDS
        }


def _coverage(kind: str, learned: int, seed: int, folder: Path) -> dict[str, Any]:
    held = without = cameras = 0
    widths: list[int] = []
    while len(widths) < WINDOWS:
        draw = np.random.default_rng((seed, list(KINDS).index(kind), learned, cameras))
        rate = draw.choice([1.0, 6.0, 25.0, 80.0])  # from a side door to a main entrance
        true = draw.negative_binomial(4, 4 / (4 + rate), learned + UNSEEN)
        sure, doubtful = KINDS[kind](true, draw)
        camera = folder / f"{kind}-{learned}-{cameras}"
        _write_log(camera, sure, doubtful)
        rows = [f"{k * WINDOW_S},{(k + 1) * WINDOW_S},{true[k]}" for k in range(learned)]
        (camera / "truth.csv").write_text("\n".join(["from,to,in", *rows]) + "\n")
        intervals = watch_check(camera, camera / "truth.csv").intervals
        cameras += 1
        for window in range(learned, learned + UNSEEN):
            count = int(sure[window] + doubtful[window])
            ends = None if intervals is None else intervals.ends("line", "door", "person", "in", count)
            if ends is None:
                without += 1
            elif len(widths) < WINDOWS:
                held += ends[0] <= true[window] <= ends[1]
                widths.append(ends[1] - ends[0])
    return {
        "covered": round(held / WINDOWS, 4),
        "windows": WINDOWS,
        "cameras": cameras,
        "windows_without_interval": without,
        "mean_width": round(float(np.mean(widths)), 2),
    }


def _write_log(folder: Path, sure: np.ndarray, doubtful: np.ndarray) -> None:
    made = LogHeader(model="none", rules="none", source="simulated", size_hw=(1, 1), lines={"door": "person"})
    with EventLog.begin(folder, made) as log:
        events = [
            _crossing(k * WINDOW_S + (one + 0.5) * WINDOW_S / max(total, 1), is_sure=one < sure[k])
            for k, total in enumerate((sure + doubtful).tolist())
            for one in range(total)
        ]
        log.append([*events, Event(time_s=float(len(sure) * WINDOW_S), frame=0, kind="ended")])


def _crossing(time_s: float, *, is_sure: bool) -> Event:
    return Event(
        time_s=time_s, frame=0, kind="crossing", name="door", way="in", track=1, node="person", sure=bool(is_sure)
    )
