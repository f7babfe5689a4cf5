from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from rich.console import Console

from smalta.answers.count_intervals import CountCalibration, NodeErrors
from smalta.inference.counting import CountTable
from smalta.report.count_table import MOST_LISTED, count_table
from stand_ins import BALLS

NODES = {path: NodeErrors(pictures=20, found=1.0, empty=0.0) for path in ("ball", "ball/red")}
CALIBRATION = CountCalibration(pictures=20, nodes=NODES)


def shown(
    counts: list[list[int]], calibration: CountCalibration | None = CALIBRATION, path: str = "lawns/lawn[{}].png"
) -> str:
    """What is printed of red and green balls per picture."""
    table = CountTable(
        tree=BALLS,
        pictures=tuple(Path(path.format(i)) for i in range(len(counts))),
        counts=np.array([[red + green, 0, 0, red + green, red, green] for red, green in counts]).reshape(-1, 6),
        calibration=calibration,
        failed=(),
        level=2,
    )
    console = Console(width=100, file=io.StringIO())
    with console.capture() as capture:
        console.print(count_table(table))
    return capture.get()


def line_with(text: str, *words: str) -> list[str]:
    line = next(line for line in text.splitlines() if all(word in line for word in words))
    return line.replace("│", " ").split()


def test_each_picture_is_shown_with_the_classes_that_occur() -> None:
    text = shown([[3, 0], [0, 0]])

    assert line_with(text, "lawn[0].png") == ["lawn[0].png", "ball", "3", "1", "..", "5"]
    assert line_with(text, "red") == ["red", "3", "1", "..", "5"]
    assert line_with(text, "lawn[1].png") == ["lawn[1].png", "ball", "0", "0", "..", "0"]
    assert "green" not in text
    assert "All 2 pictures" in text
    assert "90% interval" in text


def test_pictures_with_the_same_name_are_listed_by_their_paths() -> None:
    assert line_with(shown([[1, 0], [2, 0]], path="{}/a.png"), "1/a.png")[:3] == ["1/a.png", "ball", "2"]


def test_a_class_without_an_interval_shows_a_dash() -> None:
    assert line_with(shown([[1, 2]]), "green") == ["green", "2", "-"]


def test_without_calibration_there_is_no_column_but_a_reason() -> None:
    text = shown([[1, 0]], calibration=None)

    assert "interval " not in text
    assert "no intervals of counts" in text
    assert line_with(text, "lawn[0].png") == ["lawn[0].png", "ball", "1"]
    assert "All" not in text  # of one picture there is no sum


def test_a_long_list_is_cut_and_says_so() -> None:
    text = shown([[1, 0]] * (MOST_LISTED + 3))

    assert f"lawn[{MOST_LISTED - 1}].png" in text
    assert f"lawn[{MOST_LISTED}].png" not in text
    assert "and 3 more pictures; --out FILE.csv writes all" in text
    assert line_with(text, "ball", str(MOST_LISTED + 3)) == ["ball", str(MOST_LISTED + 3)]


def test_no_picture_is_no_table() -> None:
    assert shown([]).strip() == ""
