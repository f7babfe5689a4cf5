from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from bench import video_intervals
from bench.video_day import day
from bench.walkers import CELLS_HW, Walkers
from bench.walkers_watch import Parts, watch

from smalta.video.replay import replay


def test_a_frame_of_walkers_is_the_same_whichever_were_made_before() -> None:
    walkers, again = (Walkers.made(3, people=40, seconds=30.0) for _ in range(2))
    frames = [walkers.frame(number, number / 10)[0] for number in range(100)]
    alone, _ = again.frame(99, 9.9)

    assert len(alone) > 2
    assert alone.instances.shape == CELLS_HW
    np.testing.assert_array_equal(alone.instances, frames[99].instances)
    np.testing.assert_array_equal(alone.probabilities, frames[99].probabilities)
    assert all(set(np.unique(one.instances)) - {0} == set(range(1, len(one) + 1)) for one in frames)


def test_a_watch_of_walkers_goes_on_from_any_state(tmp_path: Path) -> None:
    walkers = Walkers.made(0, people=12, seconds=6.0)
    whole, half = Parts(), Parts()
    events = [whole.step(walkers, number, 10.0) for number in range(60)]
    for number in range(30):
        half.step(walkers, number, 10.0)
    again = Parts(state=json.loads(json.dumps(half.saved())))

    assert [again.step(walkers, number, 10.0) for number in range(30, 60)] == events[30:]
    assert again.saved() == whole.saved()


def test_walkers_are_watched_to_the_end_and_replayed(tmp_path: Path) -> None:
    counts = watch(tmp_path, 5, 80, people=12, save_every_s=0.0)

    assert counts.passed("door").in_high + counts.passed("door").out_high > 0
    assert replay(tmp_path, by="minute").counts == counts


def test_the_day_reports_memory_and_time(tmp_path: Path) -> None:
    found = day(tmp_path, hours=2, people=2, fps=0.01)

    assert [row["hour"] for row in found["hours"]] == [1, 2]
    assert found["replay_equals_live_counts"] is True


def test_simulated_cameras_take_the_way_of_a_user(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    true = draw.poisson(8, 19)
    sure, doubtful = video_intervals.KINDS["missed and doubled"](true, draw)
    video_intervals._write_log(tmp_path, sure, doubtful)
    (row,) = [row for row in replay(tmp_path).totals if row.of == "line"]

    assert row.passed is not None
    assert (row.passed.in_low, row.passed.in_high) == (sure.sum(), (sure + doubtful).sum())
