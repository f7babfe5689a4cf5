from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from labelled_sets import write_picture, write_set
from smalta.data.any_format import open_dataset
from smalta.data.contact_sheet import contact_sheet
from smalta.errors import DataError
from smalta.pictures.overlay import object_colors


def test_twelve_overlays_with_names_and_a_legend_go_on_one_page(tmp_path: Path) -> None:
    dataset = open_dataset(write_set(tmp_path / "set", n_train=12, n_val=4))

    names = contact_sheet(dataset, tmp_path / "sheet.png", seed=3)

    page = cv2.imread(str(tmp_path / "sheet.png"))[..., ::-1]
    assert len(set(names)) == 12
    assert page.shape == (3 * (270 + 20 + 6) + 6 + 20, 4 * (360 + 6) + 6, 3)
    disc = dataset.tree["disc"].color
    assert (page == disc).all(axis=2).sum() > 1000  # borders of twelve discs


def test_touching_objects_have_outlines_of_their_own(tmp_path: Path) -> None:
    for name in ("p0", "p1", "p2", "p3"):
        instances = np.zeros((60, 80), dtype=np.uint16)
        instances[10:50, 10:40], instances[10:50, 40:70] = 1, 2
        write_picture(tmp_path / f"set/images/{name}.png", np.full((60, 80, 3), int(name[1]) + 90, np.uint8))
        write_picture(tmp_path / f"set/instances/{name}.png", instances)
    (tmp_path / "set/classes.yaml").write_text("classes: {ground: {}, cell: {kind: thing}}")

    contact_sheet(open_dataset(tmp_path / "set"), tmp_path / "sheet.png")

    page = cv2.imread(str(tmp_path / "sheet.png"))[..., ::-1]
    assert all((page == color).all(axis=2).sum() > 1000 for color in object_colors(np.array([1, 2])))


def test_the_seed_chooses_the_pictures_and_repeats(tmp_path: Path) -> None:
    dataset = open_dataset(write_set(tmp_path / "set", n_train=20))

    first, again, other = (contact_sheet(dataset, tmp_path / f"{i}.png", seed) for i, seed in enumerate((0, 0, 1)))

    assert first == again
    assert first != other
    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "1.png").read_bytes()


def test_entries_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", n_train=3, n_val=1)
    (root / "train/images/p1.png").write_bytes(b"broken")

    assert sorted(contact_sheet(open_dataset(root), tmp_path / "sheet.png")) == ["p0", "p100", "p2"]


def test_a_set_without_one_readable_entry_is_an_error(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", n_train=1, n_val=1)
    for path in root.glob("*/images/*"):
        path.write_bytes(b"broken")

    with pytest.raises(DataError, match="no picture"):
        contact_sheet(open_dataset(root), tmp_path / "sheet.png")


def test_a_name_that_is_no_png_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.png"):
        contact_sheet(open_dataset(write_set(tmp_path / "set")), tmp_path / "sheet.jpg")


def test_very_long_and_very_small_pictures_fit_their_cells(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", n_train=2, n_val=1)
    for name, size_hw in {"p0": (1, 2000), "p1": (1, 1)}.items():
        cv2.imwrite(str(root / f"train/images/{name}.png"), np.zeros((*size_hw, 3), dtype=np.uint8))
        cv2.imwrite(str(root / f"train/masks/{name}.png"), np.zeros(size_hw, dtype=np.uint8))

    assert len(contact_sheet(open_dataset(root), tmp_path / "sheet.png")) == 3
