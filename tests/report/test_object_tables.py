from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from rows_of_objects import CLASSES, FOUND, OBJECTS, answer, report_of
from smalta.report.evaluation_table import evaluation_table
from smalta.report.object_tables import counts_parts, objects_table


def shown(*parts: Any) -> str:
    console = Console(width=160, file=io.StringIO())
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return capture.get()


def line_with(text: str, *words: str) -> list[str]:
    line = next(line for line in text.splitlines() if all(word in line for word in words))
    return line.replace("│", " ").split()


def test_objects_come_before_pixels_and_the_headline_first() -> None:
    text = shown(evaluation_table(report_of((CLASSES, OBJECTS, FOUND), (CLASSES, OBJECTS, FOUND))))

    titles = ("Objects: headline", "Pixels: headline", "Objects at level 2", "Counts per picture", "Classes at level 2")
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    assert line_with(text, "PQ of things", "level 1")[-4] == "0.5000"
    assert line_with(text, "AP, IoU 0.5:0.95", "level 1")[-1] == "-"
    assert line_with(text, "F1", "objects, IoU 0.5")[-4:] == ["0.7500", "0.7500", "..", "0.7500"]


def test_classes_of_a_level_are_shown_with_their_means() -> None:
    top, leaves = report_of((CLASSES, OBJECTS, FOUND))["objects"]["levels"]

    text = shown(objects_table(leaves))

    assert line_with(text, "car/audi") == ["car/audi", "1", "2", "1.0000", "0.5000", "0.6667", "1.0000", "0.6667"]
    assert line_with(text, "road") == ["road", "-", "-", "0.0000", "0.0000", "0.0000"]
    assert text.index("person") < text.index("road")  # things first
    assert line_with(shown(objects_table(top)), "mean, things")[-3:] == ["0.5000", "1.0000", "0.5000"]
    assert "AP by size: small 0.5017, medium -, large -" in text  # (1 + 0 + 51 / 101) / 3


def test_a_class_that_neither_truth_nor_answer_holds_is_absent() -> None:
    level = report_of(([1, 5], [0, 1], answer([1, 5], [0, 1])))["objects"]["levels"][0]

    assert line_with(shown(objects_table(level)), "car") == ["car", "absent"]


def test_counts_are_shown_node_by_node_with_what_intervals_held() -> None:
    counts = report_of((CLASSES, OBJECTS, FOUND), (CLASSES, OBJECTS, answer([1] * 12, [0] * 12)))["counts"]

    text = shown(*counts_parts(counts))

    expected = ["4", "2", "1.00", "-1.00", "50.0%", "50.0%", "0.00"]
    assert line_with(text, "│ car ") == ["car", *expected]
    assert line_with(text, "car/audi")[-2:] == ["-", "-"]
    assert "share of the 90% intervals" in text


def test_without_intervals_a_sentence_stands_in_their_place() -> None:
    text = shown(*counts_parts(report_of((CLASSES, OBJECTS, FOUND), calibration=None)["counts"]))

    assert "the model has no intervals of counts" in text
    assert "coverage" not in text
