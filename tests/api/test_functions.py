"""The public functions on a model and a small data set; the command line's tests see the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

import smalta
from machines import TWO_CORES


@pytest.fixture(autouse=True)
def round_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalta.planning.machine.this_machine", lambda *, refresh=False: TWO_CORES)


def test_predict_reports_progress_and_the_pictures_that_failed(run: Path, discs: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    seen: list[tuple[int, int]] = []

    done = smalta.predict(
        run, [discs / "val/images", broken], tmp_path / "out", progress=lambda n, of: seen.append((n, of))
    )

    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert [outcome.picture for outcome in done.failed] == [broken]
    assert done.kind == "binary"
    assert done.plan is not None
    assert done.plan.measured["seconds"] > 0


def test_one_picture_needs_no_list(run: Path, discs: Path, tmp_path: Path) -> None:
    picture = sorted((discs / "val/images").iterdir())[0]

    assert len(smalta.predict(run, picture, tmp_path / "out").outcomes) == 1


def test_evaluate_takes_a_folder_or_an_open_data_set_and_passes_notes_on(run: Path, discs: Path) -> None:
    notes: list[str] = []

    by_path = smalta.evaluate(run, discs, split="val", note=notes.append)
    dataset = smalta.open_dataset(discs)

    assert smalta.evaluate(run, dataset, split="val") == by_path
    assert notes == list(dataset.notes)


def test_a_card_that_is_not_there_can_be_supposed(run: Path) -> None:
    made = smalta.plan(run, size_hw=(4096, 4096), what_if="h100")

    assert made.device == "cuda"


def test_a_data_set_cannot_be_timed(discs: Path) -> None:
    with pytest.raises(smalta.ConfigError, match="--measure needs a trained model"):
        smalta.plan(discs, measure=True)


def test_convert_takes_a_folder(discs: Path, tmp_path: Path) -> None:
    assert smalta.convert(discs, tmp_path / "coco", "coco").pictures == 6
