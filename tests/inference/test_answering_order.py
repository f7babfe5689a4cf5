"""Many pictures at a time: order, a stop in the middle, going on."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from smalta.answers.decoding import Decoding
from smalta.inference.answering import Outcome, predict_files
from smalta.inference.predictor import Predictor
from smalta.pictures.reading import read_index
from smalta.results.options import OutputOptions
from stand_ins import CARS, RedIsAudi, balls, cars, info


class TwoStreams(RedIsAudi):
    """The darker a picture, the longer it takes; counts how many passes run at once."""

    streams = 2

    def __init__(self) -> None:
        super().__init__()
        self._free = threading.Semaphore(2)
        self._lock = threading.Lock()
        self.running = self.most = 0

    def maps(self, pictures: np.ndarray, /) -> dict[str, np.ndarray]:
        with self._free:
            with self._lock:
                self.running += 1
                self.most = max(self.most, self.running)
            time.sleep(0.03 - 0.0001 * float(pictures.max()))
            with self._lock:
                self.running -= 1
        return super().maps(pictures)


def write_greys(folder: Path, *greys: int) -> list[Path]:
    paths = []
    for number, grey in enumerate(greys):
        paths.append(folder / f"{number}.png")
        assert cv2.imwrite(str(paths[-1]), np.full((3, 4, 3), grey, np.uint8))
    return paths


def test_answers_come_in_the_order_of_the_pictures_and_passes_run_side_by_side(tmp_path: Path) -> None:
    pictures = write_greys(tmp_path, 0, 250, 0, 250, 100, 0)
    runtime, told = TwoStreams(), list[Outcome]()

    outcomes = predict_files(
        Predictor(runtime, info(CARS)), pictures, tmp_path / "out", OutputOptions(), done=told.append
    )

    assert [outcome.picture for outcome in outcomes] == pictures
    assert told == outcomes
    assert runtime.most == 2


def test_classes_alone_are_those_of_the_whole_answer(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8))

    for level in (None, 1):
        predict_files(cars(), [path], tmp_path / f"alone{level}", OutputOptions(decoding=Decoding(level=level)))
        predict_files(
            cars(),
            [path],
            tmp_path / f"whole{level}",
            OutputOptions(decoding=Decoding(level=level), outputs={"probabilities"}),
        )

        alone, whole = (read_index(tmp_path / f"{name}{level}" / "classes" / "a.png") for name in ("alone", "whole"))
        np.testing.assert_array_equal(alone, whole)


def stop_at(number: int) -> object:
    def done(outcome: Outcome) -> None:
        if outcome.picture.stem == str(number):
            raise KeyboardInterrupt

    return done


def test_a_job_that_is_stopped_leaves_whole_files_and_goes_on(tmp_path: Path) -> None:
    pictures = write_greys(tmp_path, *range(0, 200, 8))
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        predict_files(balls(), pictures, out, OutputOptions(), done=stop_at(4))  # type: ignore[arg-type]
    finished = {json.loads(line)["picture"]["name"] for line in (out / "manifest.jsonl").read_text().splitlines()[1:]}
    for path in (out / "classes").iterdir():  # no drafts, no halves
        assert read_index(path).shape == (3, 4)
    assert (out / "objects.csv").is_file()

    rest = balls()
    seen: list[int] = []
    maps = rest.runtime.maps
    rest.runtime.maps = lambda batch: seen.append(int(batch.max())) or maps(batch)  # type: ignore[method-assign]
    outcomes = predict_files(rest, pictures, out, OutputOptions(), resume=True)

    assert finished == {f"{number}.png" for number in range(5)}
    assert sorted(seen) == list(range(40, 200, 8))
    assert [outcome.classes for outcome in outcomes] == [out / "classes" / path.name for path in pictures]
    entries = json.loads((out / "panoptic.json").read_text())["annotations"]
    assert len(entries) == len(pictures)


def test_a_picture_too_large_for_the_memory_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = write_greys(tmp_path, 10, 20, 30)
    predictor = cars()
    maps = predictor.runtime.maps

    def refuse_the_second(batch: np.ndarray) -> dict[str, np.ndarray]:
        if batch.max() == 20:
            raise MemoryError
        return maps(batch)

    monkeypatch.setattr(predictor.runtime, "maps", refuse_the_second)

    outcomes = predict_files(predictor, pictures, tmp_path / "out", OutputOptions())

    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert "1.png does not fit in memory" in str(outcomes[1].error)
