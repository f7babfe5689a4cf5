from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench.learning_curves import done, point, steps_to, with_gains


def points(*scores: tuple[int, float]) -> list[dict[str, Any]]:
    return with_gains([{"steps": steps, "score": score, "trivial": 0.4} for steps, score in scores])


def test_the_gain_of_a_run_is_relative_to_the_trivial_answer_and_the_longest_run() -> None:
    assert [one["gain"] for one in points((30, 0.4), (100, 0.6), (300, 0.8))] == [0.0, 0.5, 1.0]
    assert points((30, 0.4), (100, 0.4))[0]["gain"] is None


def test_enough_steps_lie_between_the_points_around_the_gain_on_a_logarithmic_scale() -> None:
    # 0.9 lies halfway between 0.8 and 1.0
    assert steps_to(0.9, points((30, 0.4), (100, 0.72), (400, 0.8))) == 200
    # a lucky short run does not count: a longer one falls short again
    assert steps_to(0.9, points((30, 0.79), (100, 0.72), (400, 0.8))) == 200
    assert steps_to(0.9, points((30, 0.79), (100, 0.8))) is None


def test_a_point_is_the_best_validation_of_a_run_that_is_done(tmp_path: Path) -> None:
    looks = [
        {"event": "validation", "step": step, "measure": "mIoU", "score": score, "trivial": trivial}
        for step, score, trivial in ((50, 0.7, {"answer": "all sky", "value": 0.4}), (100, 0.6, None))
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, looks)))
    settings = {"recipe": {"batch": 8}, "fingerprint": {"n_pictures": {"train": 40}}}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    (tmp_path / "plan.json").write_text(json.dumps({"measured": {"step": 0.5}}))
    (tmp_path / "load.json").write_text("{}")

    assert done(tmp_path, 100)
    assert not done(tmp_path, 300)
    assert not done(tmp_path / "none", 100)
    found = point(tmp_path, 100)
    assert (found["passes"], found["score"], found["trivial"]) == (pytest.approx(20), 0.7, 0.4)
