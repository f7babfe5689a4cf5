from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from smalta.metrics.trivial import TrivialScore
from smalta.training.observer import Log, Progress, Silent


class Listener(Silent):
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def on_progress(self, progress: Progress) -> None:
        self.heard.append(progress)

    def on_validation(self, step: int, measure: str, score: float, best: bool, trivial: TrivialScore | None) -> None:
        self.heard.append((step, measure, score, best, trivial))

    def on_note(self, text: str) -> None:
        self.heard.append(text)


def test_every_event_is_a_line_of_json_and_a_call(tmp_path: Path) -> None:
    listener = Listener()
    log = Log(tmp_path, listener)
    progress = Progress(step=3, done=0.5, loss=0.25, pictures_per_second=8.0, seconds_left=60.0)

    log.progress(progress)
    trivial = TrivialScore(answer="no objects", value=0.25)
    log.validation(4, "PQ", 0.75, True, trivial, level=2, threshold=None)
    log.note("Straße ist naß", step=4)

    assert listener.heard == [progress, (4, "PQ", 0.75, True, trivial), "Straße ist naß"]
    assert [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()] == [
        {"event": "progress", "step": 3, "done": 0.5, "loss": 0.25, "pictures_per_second": 8.0, "seconds_left": 60.0},
        {
            "event": "validation",
            "step": 4,
            "measure": "PQ",
            "score": 0.75,
            "best": True,
            "trivial": {"answer": "no objects", "value": 0.25},
            "level": 2,
            "threshold": None,
        },
        {"event": "note", "text": "Straße ist naß", "step": 4},
    ]


def test_a_resumed_run_goes_on_with_its_log(tmp_path: Path) -> None:
    Log(tmp_path, Silent()).note("first")
    Log(tmp_path, Silent()).note("second")

    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2


def test_what_is_no_number_is_null_because_json_has_no_nan(tmp_path: Path) -> None:
    listener = Listener()

    Log(tmp_path, listener).validation(1, "mIoU", math.nan, False, None, worst=math.inf)

    assert '"score": null' in (tmp_path / "log.jsonl").read_text()
    assert '"worst": null' in (tmp_path / "log.jsonl").read_text()
    assert math.isnan(listener.heard[0][2])
