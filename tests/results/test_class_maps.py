from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from smalta.answers.decoding import Decoding
from smalta.pictures.reading import read_index
from smalta.results.result_folder import class_map
from written_results import answer, written


def test_the_class_picture_agrees_with_the_objects(tmp_path: Path) -> None:
    one = written(tmp_path, "instance", answer(stray=True))

    assert one.files["classes"] == tmp_path / "classes/a.png"
    assert read_index(one.files["classes"]).tolist() == [
        [7, 7, 5, 3, 3, 5],
        [7, 7, 5, 3, 3, 5],
        [5, 5, 5, 5, 5, 5],
        [9, 5, 5, 5, 5, 5],  # the last one looks like a car, but no object has it
    ]


def test_a_level_keeps_what_was_sure_of_no_more_than_a_parent() -> None:
    at_top, unsure = answer(level=1), answer(min_confidence=0.7)

    assert class_map(at_top, Decoding(level=1))[0].tolist() == [2, 2, 1, 2, 2, 1]
    assert class_map(unsure, Decoding(level=2))[0].tolist() == [3, 3, 1, 2, 2, 1]
    assert class_map(answer(), Decoding())[0].tolist() == [3, 3, 1, 4, 4, 1]


def test_without_objects_the_class_picture_is_the_answer(tmp_path: Path) -> None:
    written(tmp_path, "semantic", replace(answer(stray=True), objects=None))

    assert read_index(tmp_path / "classes/a.png")[3].tolist() == [9, 5, 5, 5, 5, 7]
    assert {p.name for p in tmp_path.iterdir()} == {"classes", "classes.json", "presence.csv"}
