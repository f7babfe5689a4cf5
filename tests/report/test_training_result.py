from __future__ import annotations

from pathlib import Path
from typing import Any

from smalta.metrics.trivial import TrivialScore
from smalta.report.training_result import beside_trivial, not_better, result_lines
from smalta.training.train import TrainResult

ALL_SKY = TrivialScore(answer="all sky", value=0.439)


def lines(**told: Any) -> list[str]:
    usual: dict[str, Any] = {
        "model": Path("run/model.safetensors"),
        "steps": 700,
        "best_step": 600,
        "measure": "mIoU",
        "validation_score": 0.712,
        "trivial": ALL_SKY,
        "seconds": 90.0,
        "splits": {"train": 3, "val": 2},
        "enough_steps": 600,
        "enough_minutes": 12,
    }
    return result_lines(TrainResult(**usual | told), Path("run"), Path("data"))


def test_the_last_lines_give_steps_minutes_score_and_the_next_command() -> None:
    assert lines() == [
        "700 steps in 1.5 minutes; best validation mIoU 0.712 (all sky: 0.439) at step 600; the model is "
        "run/model.safetensors",
        "next: smalta evaluate run data --split val",
    ]
    assert lines(splits={"train": 3, "val": 2, "test": 1})[-1].endswith("--split test")


def test_a_model_that_is_not_better_than_a_trivial_answer_gets_a_warning() -> None:
    warning = next(line for line in lines(validation_score=0.439) if line.startswith("warning"))

    assert 'not better than the trivial answer "all sky" (0.439 against 0.439); do not use it' in warning


def test_what_is_not_known_is_not_compared() -> None:
    assert beside_trivial("PQ", None, None) == "PQ -"
    assert not_better("PQ", None, ALL_SKY) is None
    assert not_better("PQ", 0.3, None) is None


def test_a_run_of_too_few_steps_says_so_with_the_minutes_that_would_do() -> None:
    line = "warning: trained for 32 of about 600 steps; on this machine --minutes 12 would do"

    assert line in lines(steps=32)
    assert not any("would do" in text for text in lines(steps=600))
    assert not any("would do" in text for text in lines(steps=32, enough_steps=None, enough_minutes=None))


def test_a_run_that_overran_its_minutes_says_by_how_much_and_why() -> None:
    parts = {"start": 4.0, "steps": 160.0, "validation": 30.0}

    late = lines(minutes=1.2, seconds=194.0, steps=20, parts=parts)
    validating = lines(minutes=1.2, seconds=194.0, parts={"steps": 60.0, "validation": 125.0})

    took = "warning: the run took 3.2 minutes instead of 1.2; the longest parts:"
    assert f"{took} 20 steps (a run makes at least 20) 2 min 40 s, validating 30 s, starting 4 s" in late
    assert f"{took} validating 2 min 05 s, 700 steps 1 min 00 s" in validating
    assert not any("instead of" in text for text in lines(minutes=1.2, seconds=75.0, parts=parts))
