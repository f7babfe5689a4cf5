import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import nuclei
from bench.nuclei import run_job, scores

from smalta.errors import DataError
from smalta.pictures.writing import write_index


def test_a_kept_training_predicts_once_more_and_the_result_says_how_it_was_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = np.zeros((8, 8), np.uint16)
    truth[:3, :3], truth[5:, 5:] = 1, 2
    for name, split in (("t", "train"), ("v", "val"), ("a", "test"), ("b", "test")):
        for folder in ("images", "instances"):
            (tmp_path / split / folder).mkdir(parents=True, exist_ok=True)
            write_index(tmp_path / split / folder / f"{name}.png", truth)
    (tmp_path / "kinds.txt").write_text("a other\nb other\n")
    (tmp_path / "classes.yaml").write_text("classes: {ground: {}, nucleus: {kind: thing}}\n")
    answers = [np.where(truth == 1, 1, 0), truth]

    def predict(model: Path, pictures: Path, out: Path) -> dict[str, Any]:
        (out / "instances").mkdir()  # nothing of an earlier prediction is there
        answer = answers.pop(0)
        for name in "ab":
            write_index(out / "instances" / f"{name}.png", answer)
        return {"pictures": 2, "seconds": 0.5}

    written: list[dict[str, Any]] = []
    monkeypatch.setattr(nuclei, "WORK", tmp_path / "work")
    monkeypatch.setattr(nuclei, "prepared", lambda name: tmp_path)
    monkeypatch.setattr(nuclei, "run_smalta", lambda data, folder, minutes: {"steps": 7})
    monkeypatch.setattr(nuclei, "time_smalta", predict)
    monkeypatch.setattr(nuclei, "write_result", lambda name, result, scratch: written.append(result))
    with pytest.raises(DataError, match=r"no such training .*; run `python -m bench\.nuclei --who smalta`"):
        run_job("nuclei", "smalta", 15.0, keep=True)

    run_job("nuclei", "smalta", 15.0)
    run_job("nuclei", "smalta", 15.0, keep=True)

    first, second = json.loads(json.dumps(written))
    assert [one["scores"]["all"]["accuracy_50"]["value"] for one in (first, second)] == [0.5, 1.0]
    assert (first["training"], second["training"]) == ({"steps": 7}, {"steps": 7})
    assert (first["trained"], first["load"]) == (second["trained"], second["load"])
    assert second["command"] == "python -m bench.nuclei --who smalta --keep"
    with pytest.raises(DataError, match="no such training"):
        run_job("nuclei", "smalta", 2.0, keep=True)  # of other minutes


def test_objects_are_scored_over_all_pictures_and_counted_by_picture() -> None:
    truths = {
        "a": np.array([[1, 1, 1, 1, 0, 300]], np.uint16),
        "b": np.array([[5, 5, 0, 0, 0, 0]], np.uint16),
    }
    found = {
        "a": np.array([[9, 9, 9, 0, 0, 2]], np.uint16),  # IoU 3/4 and 1
        "b": np.array([[0, 0, 4, 0, 7, 0]], np.uint16),  # two false ones, one missed
    }

    told = scores(truths, found)

    values = {name: line["value"] for name, line in told.items() if isinstance(line, dict)}
    assert (told["pictures"], told["true"], told["found"]) == (2, 3, 4)
    assert values["accuracy_50"] == 0.4  # 2 matched of 3 + 4 - 2
    # 2/5 at 0.5 to 0.75, 1/6 at 0.8 to 0.95
    assert values["mean_accuracy"] == round((6 * 2 / 5 + 4 * 1 / 6) / 10, 4)
    assert values["f1_50"] == round(4 / 7, 4)
    assert values["pq_50"] == 0.5  # 1.75 / 3.5
    assert (values["count_mae"], values["count_bias"]) == (0.5, 0.5)  # errors 0 and 1
    assert told["accuracy_50"]["interval"] == [0.0, 1.0]
