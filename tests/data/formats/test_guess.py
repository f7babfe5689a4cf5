"""Guessing classes from the values of masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from folder_sets import labels, pair, picture
from smalta.data.any_format import open_dataset
from smalta.data.formats.guess import looks_smooth
from smalta.errors import DataError


@pytest.mark.parametrize(
    ("values", "ids", "ignore"),
    [
        ([0, 255], {"background": (0,), "foreground": (255,)}, ()),
        ([0, 1], {"background": (0,), "foreground": (1,)}, ()),
        ([0, 1, 255], {"background": (0,), "foreground": (1,)}, (255,)),
        ([0, 2, 5], {"class_0": (0,), "class_1": (2,), "class_2": (5,)}, ()),
        ([1, 2, 255], {"class_0": (1,), "class_1": (2,)}, (255,)),
    ],
)
def test_classes_are_guessed_from_the_values(
    tmp_path: Path, values: list[int], ids: dict[str, tuple[int, ...]], ignore: tuple[int, ...]
) -> None:
    pair(tmp_path, "a", values)

    data = open_dataset(tmp_path)

    assert {node.name: node.ids for node in data.tree} == ids
    assert data.tree.ignore == ignore
    assert f"inferred from the values {', '.join(map(str, values))} in all 1 masks" in data.notes[0]


def test_of_many_masks_some_are_looked_at_evenly_and_the_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smalta.data.formats.guess.MOST_MASKS", 3)
    for i in range(9):  # of 0..8 these are 0, 4 and 8
        pair(tmp_path, f"p{i}", {0: [0, 1], 4: [0, 2], 8: [0, 3]}.get(i, [0, 9]))

    data = open_dataset(tmp_path)

    assert [node.ids for node in data.tree] == [(0,), (1,), (2,), (3,)]
    assert "3 of 9 masks" in data.notes[0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([*range(0, 255, 12), 255], "as if anti-aliased"),
        ([7], "only the value 7"),
        (range(300), "more than 256 class ids"),
    ],
)
def test_values_that_are_no_class_ids_are_refused(tmp_path: Path, values: Sequence[int], message: str) -> None:
    picture(tmp_path / "images/a.png", (20, 20))
    labels(tmp_path / "masks/a.png", values, (20, 20))

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path)


def test_shades_are_reported_from_class_ids() -> None:
    assert looks_smooth([0, *range(3, 255, 7), 255])
    assert not looks_smooth([*range(34), 255])  # Cityscapes
    assert not looks_smooth([*range(151), 255])  # ADE20K
    assert looks_smooth([0, 1, 2, 253, 254, 255])  # JPEG at both ends
    assert not looks_smooth([0, 254, 255])  # too few to tell
    assert not looks_smooth([0, 1, 2, 100, 255])


def test_unreadable_masks_do_not_stop_the_guess(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    pair(tmp_path, "b")
    (tmp_path / "masks/b.png").write_bytes(b"broken")

    assert len(open_dataset(tmp_path).tree) == 2
    (tmp_path / "masks/a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"no mask in .* can be read"):
        open_dataset(tmp_path)
