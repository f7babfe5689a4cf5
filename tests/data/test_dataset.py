"""An opened data set: its splits, read lazily, in parallel and in other processes."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from folder_sets import pair
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.errors import DataError


def test_an_unknown_split_names_those_there_are(tmp_path: Path) -> None:
    pair(tmp_path / "train", "a")
    pair(tmp_path / "val", "b")

    with pytest.raises(DataError, match=r"no split 'test'; its splits are train, val"):
        open_dataset(tmp_path).split("test")


def test_opening_reads_no_picture_and_a_broken_one_is_named_when_it_is_read(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    (tmp_path / "images/a.png").write_bytes(b"")
    data = open_dataset(tmp_path, classes=ClassTree(["x", "y"]))

    with pytest.raises(DataError, match=r"images/a\.png is empty"):
        data.read(data.entries[0])


def test_many_samples_come_in_order(tmp_path: Path) -> None:
    for i in range(12):
        pair(tmp_path, f"p{i:02}")
    data = open_dataset(tmp_path)

    samples = list(data.read_many(data.entries, workers=3))

    assert [sample.name for sample in samples] == [entry.name for entry in data.entries]


def test_a_dataset_can_go_to_other_processes(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    data = open_dataset(tmp_path)

    twin = pickle.loads(pickle.dumps(data))

    np.testing.assert_array_equal(twin.read(twin.entries[0]).classes, data.read(data.entries[0]).classes)


def test_a_few_entries_are_spread_over_the_whole_split(discs: Path) -> None:
    dataset = open_dataset(discs)
    first, *_, last = dataset.split("train")

    assert dataset.spread("train", 2) == (first, last)
    assert dataset.spread("train", 100) == dataset.split("train")
