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
