from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelled_sets import write_picture
from smalta.answers.count_intervals import CountCalibration, NodeErrors
from smalta.errors import ClassTreeError, ConfigError, DataError
from smalta.inference.counting import CountTable, count_files
from smalta.inference.predictor import Predictor
from smalta.metrics.node_counts import node_counts
from smalta.pictures.reading import read_picture
from stand_ins import BALLS, GREEN, RED, balls, cars

CALIBRATION = CountCalibration(
    pictures=20,
    nodes={
        "ball": NodeErrors(pictures=20, found=1.0, empty=0.0),
        "ball/red": NodeErrors(pictures=20, found=0.6, empty=None),
    },
)


def lawn(path: Path, *colours: tuple[int, int, int]) -> Path:
    """A picture with balls of these colours."""
    picture = np.zeros((12, 16, 3), np.uint8)
    for i, colour in enumerate(colours):
        picture[4:7, 4 * i + 1 : 4 * i + 3] = colour
    write_picture(path, picture)
    return path


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    return [lawn(tmp_path / "a.png", RED, RED, GREEN), lawn(tmp_path / "b.png")]


def test_every_node_of_every_picture_gets_a_count_and_an_interval(two: list[Path]) -> None:
    table = count_files(balls(counting=CALIBRATION), two)

    (first, full), (second, empty) = table.rows()
    assert (first, second) == tuple(two)
    # 3 +- 1 * sqrt(4); 2 +- 0.6 * sqrt(3); nothing is known of green
    assert [(n.node, n.level, n.count, n.low, n.high) for n in full] == [
        ("ball", 1, 3, 1, 5),
        ("ball/red", 2, 2, 1, 3),
        ("ball/green", 2, 1, None, None),
    ]
    assert [(n.count, n.low, n.high) for n in empty] == [(0, 0, 0), (0, None, None), (0, None, None)]
    assert [(n.node, n.count, n.high) for n in table.totals()] == [
        ("ball", 3, None),
        ("ball/red", 2, None),
        ("ball/green", 1, None),
    ]
    assert table.note is None


def test_a_model_without_intervals_counts_all_the_same_and_says_why(two: list[Path]) -> None:
    plain = count_files(balls(), two)
    few = count_files(balls(counting=CountCalibration(pictures=5)), two)

    assert next(plain.rows())[1][0].count == 3
    assert next(plain.rows())[1][0].low is None
    assert plain.note is not None
    assert few.note is not None
    assert "at least 9 validation pictures" in few.note
    assert few.to_dict()["coverage"] is None


def test_the_file_is_csv_or_json_by_its_suffix(two: list[Path], tmp_path: Path) -> None:
    for name in ("counts.csv", "counts.JSON"):
        count_files(balls(counting=CALIBRATION), two, out=tmp_path / "new" / name)

    with (tmp_path / "new" / "counts.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 6
    assert lines[0] == {
        "picture": str(two[0]), "class": "ball", "level": "1", "count": "3", "low": "1", "high": "5"
    }  # fmt: skip
    assert (lines[2]["class"], lines[2]["low"]) == ("ball/green", "")
    told = json.loads((tmp_path / "new" / "counts.JSON").read_text())
    assert told["coverage"] == 0.9
    assert told["pictures"][0]["counts"][2] == {
        "class": "ball/green",
        "level": 2,
        "count": 1,
        "low": None,
        "high": None,
    }
    assert told["totals"][0] == {"class": "ball", "level": 1, "count": 3}
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"counts.csv", "counts.JSON"}


def test_the_level_ends_the_table_and_not_the_count(two: list[Path]) -> None:
    table = count_files(balls(), two, level=1)

    assert [(n.node, n.count) for n in next(table.rows())[1]] == [("ball", 3)]


def test_a_broken_picture_is_told_and_the_rest_is_counted(two: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    told: list[tuple[int, int]] = []

    table = count_files(balls(), [two[0], broken, two[1]], progress=lambda done, of: told.append((done, of)))

    assert table.pictures == tuple(two)
    assert [path for path, _ in table.failed] == [broken]
    assert table.to_dict()["failed"][0]["picture"] == str(broken)
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_where_counting_is_stopped_the_file_holds_what_was_counted(two: list[Path], tmp_path: Path) -> None:
    def stop_after_one(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        count_files(balls(), two, out=tmp_path / "counts.csv", progress=stop_after_one)

    assert (tmp_path / "counts.csv").read_text().count("a.png") == 3
    assert "b.png" not in (tmp_path / "counts.csv").read_text()


class Unasked:
    """A runtime that nobody may ask."""

    stride = streams = 1

    def maps(self, pictures: np.ndarray, /) -> dict[str, np.ndarray]:
        raise AssertionError("asked")


def test_what_cannot_be_done_is_refused_before_a_picture_is_counted(two: list[Path], tmp_path: Path) -> None:
    model = Predictor(Unasked(), balls().info)
    (tmp_path / "file").touch()
    (tmp_path / "folder.csv").mkdir()

    with pytest.raises(ConfigError, match=r"counts.txt must end in .csv or .json"):
        count_files(model, two, out=tmp_path / "counts.txt")
    with pytest.raises(ConfigError, match="is a folder, and the counts need a file"):
        count_files(model, two, out=tmp_path / "folder.csv")
    with pytest.raises(DataError, match="file cannot be created"):
        count_files(model, two, out=tmp_path / "file" / "counts.csv")
    with pytest.raises(ClassTreeError, match=r"level must be in 1..2"):
        count_files(model, two, level=3)
    with pytest.raises(ConfigError, match="trained on labelled objects"):
        count_files(cars(), two)


def test_a_model_that_answers_classes_unless_asked_is_asked_for_objects(two: list[Path]) -> None:
    assert next(count_files(balls(kind="semantic"), two).rows())[1][0].count == 3


@given(objects=st.lists(st.lists(st.sampled_from([4, 5]), max_size=9), min_size=1, max_size=5))
def test_children_add_up_to_their_parent_and_pictures_to_the_total(objects: list[list[int]]) -> None:
    counts = np.stack([node_counts(BALLS, np.array(nodes, np.int64)) for nodes in objects])
    table = CountTable(
        tree=BALLS,
        pictures=tuple(Path(f"{i}.png") for i in range(len(counts))),
        counts=counts,
        calibration=CALIBRATION,
        failed=(),
        level=2,
    )

    rows = [{n.node: n for n in nodes} for _, nodes in table.rows()]

    for row in rows:
        assert row["ball"].count == row["ball/red"].count + row["ball/green"].count
        assert all(n.low is None or n.low <= n.count <= n.high for n in row.values())  # type: ignore[operator]
    for total in table.totals():
        assert total.count == sum(row[total.node].count for row in rows)


def test_the_stand_in_finds_the_balls(two: list[Path]) -> None:
    objects = balls()(read_picture(two[0])).objects

    assert objects is not None
    assert objects.counts() == {"ball": 3, "ball/red": 2, "ball/green": 1}
