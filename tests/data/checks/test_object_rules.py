"""Rules about object labels: each fault is found, and what is right is let pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from labelled_sets import files_of, picture_and_mask, rules_of, write_picture
from smalta.data.check import check
from smalta.pictures.writing import write_index

CELLS = "classes: {ground: {ids: [0]}, cell: {ids: [1], kind: thing}}"
PER_ROW = 18


def grid(n: int) -> np.ndarray:
    """So many cells of 3 x 3 pixels, numbered row by row, two pixels apart, (72, 96) at least."""
    objects = np.zeros((max(72, 5 * -(-n // PER_ROW)), 96), dtype=np.int32)
    for number in range(1, n + 1):
        row, column = divmod(number - 1, PER_ROW)
        objects[5 * row : 5 * row + 3, 5 * column : 5 * column + 3] = number
    return objects


def object_set(
    root: Path,
    change: Callable[[np.ndarray], np.ndarray] = lambda objects: objects,
    n: int = 30,
    classes: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Path:
    """Six pictures of n cells; `change` is done to the object ids, `classes` gives masks from the right ids."""
    for seed in range(6):
        split = "train" if seed < 4 else "val"
        objects = np.roll(grid(n), seed, axis=1)
        write_picture(root / split / f"images/p{seed}.png", picture_and_mask(seed, size_hw=objects.shape)[0])
        for name, values in (("instances", change(objects)), ("masks", None if classes is None else classes(objects))):
            if values is not None:
                (root / split / name).mkdir(exist_ok=True)
                write_index(root / split / name / f"p{seed}.png", values)
    (root / "classes.yaml").write_text(CELLS)
    return root


@pytest.mark.parametrize("n", [1, 4, 30, 255, 300])
def test_right_objects_are_let_pass(tmp_path: Path, n: int) -> None:
    assert rules_of(object_set(tmp_path, n=n)) == {}


def without_gap(ids: np.ndarray) -> np.ndarray:
    return np.where(ids == 199, 3, np.where(ids == 200, 255, ids))


def with_two_crumbs(ids: np.ndarray) -> np.ndarray:
    out = ids.copy()
    out[3, 3], out[3, 8] = 400, 401
    return out


@pytest.mark.parametrize(
    ("n", "change"),
    [
        (30, lambda ids: np.where((ids > 0) & (ids % 9 == 0), ids - 1, ids)),  # two parts side by side
        (30, lambda ids: -(-ids // 3)),  # three parts side by side, many objects of the class
        (300, lambda ids: np.where(ids == 280, 3, ids)),  # one object far apart, ids beyond 255
        (200, without_gap),  # one object far apart, 255 the largest id of few
        (300, with_two_crumbs),  # a few crumbs among many objects
    ],
)
def test_what_happens_to_right_objects_now_and_then_is_let_pass(
    tmp_path: Path, n: int, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    assert rules_of(object_set(tmp_path, change, n=n, classes=lambda ids: change(ids) > 0)) == {}


@pytest.mark.parametrize("lose", [lambda ids: ids % 256, lambda ids: np.minimum(ids, 255)], ids=["wrapped", "clipped"])
def test_ids_that_8_bits_did_not_hold_are_an_error(tmp_path: Path, lose: Callable[[np.ndarray], np.ndarray]) -> None:
    root = object_set(tmp_path, lose, n=300)

    assert rules_of(root) == {"wrapped-ids": "error"}
    assert files_of(root, "wrapped-ids")[0] == "train/instances/p0.png"


def test_a_mask_of_classes_in_the_place_of_objects_is_a_warning(tmp_path: Path) -> None:
    assert rules_of(object_set(tmp_path, lambda ids: ids > 0)) == {"merged-objects": "warning"}


def test_one_object_per_picture_in_two_parts_is_let_pass(tmp_path: Path) -> None:
    assert rules_of(object_set(tmp_path, lambda ids: ids > 0, n=2)) == {}


def test_ids_counted_anew_in_every_part_of_a_picture_are_a_warning(tmp_path: Path) -> None:
    root = object_set(tmp_path, lambda ids: np.where(ids > 90, ids - 90, ids), n=180)

    assert rules_of(root) == {"reused-ids": "warning"}
    assert len(files_of(root, "reused-ids")) == 6


def test_one_id_for_all_the_rest_is_a_warning(tmp_path: Path) -> None:
    assert rules_of(object_set(tmp_path, lambda ids: np.minimum(ids, 19))) == {"reused-ids": "warning"}


def test_crumbs_are_a_warning(tmp_path: Path) -> None:
    def crumbled(ids: np.ndarray) -> np.ndarray:
        out = ids.copy()
        out[3::5, 3::5] = np.arange(1, out[3::5, 3::5].size + 1).reshape(out[3::5, 3::5].shape) + ids.max()
        return out

    assert rules_of(object_set(tmp_path, crumbled)) == {"object-specks": "warning"}


def test_objects_on_stuff_are_a_warning_that_asks_for_things_where_all_are_so(tmp_path: Path) -> None:
    some = object_set(tmp_path / "some", classes=lambda ids: (ids > 0) & (ids != 7))
    every = object_set(tmp_path / "every", classes=lambda ids: ids > 0)
    (every / "classes.yaml").write_text("classes: {ground: {ids: [0]}, cell: {ids: [1]}}")

    assert rules_of(some) == {"objects-on-stuff": "warning"}
    assert rules_of(every) == {"objects-on-stuff": "warning"}
    assert "smalta ignores 6 objects whose pixels are mostly stuff" in check(some).findings[0].message
    assert "kind: thing' at the classes of the objects" in check(every).findings[0].fix


def test_objects_drawn_elsewhere_than_their_classes_are_a_warning(tmp_path: Path) -> None:
    root = object_set(tmp_path, classes=lambda ids: np.roll(ids > 0, 1, axis=1))  # a third of every cell is ground

    assert rules_of(root) == {"objects-on-stuff": "warning"}
    assert "smalta ignores 0 objects whose pixels are mostly stuff" in check(root).findings[0].message


def test_objects_without_a_class_are_a_warning(tmp_path: Path) -> None:
    root = object_set(tmp_path, classes=lambda ids: np.where(ids == 7, 255, ids > 0))
    (root / "classes.yaml").write_text(CELLS.removesuffix("}") + "}\nignore: [255]")

    assert rules_of(root) == {"objects-without-class": "warning"}
    assert "6 objects without a class in 6 pictures" in check(root).findings[0].message


def test_things_that_are_mostly_no_objects_are_a_warning(tmp_path: Path) -> None:
    root = object_set(tmp_path, lambda ids: np.where(ids > 9, 0, ids), classes=lambda ids: ids > 0)

    assert rules_of(root) == {"things-without-objects": "warning"}
    assert "70% of the pixels of things belong to no object" in check(root).findings[0].message


def test_where_one_file_holds_all_labels_the_pictures_are_named(tmp_path: Path) -> None:
    images, annotations = [], []
    for seed in range(4):
        write_picture(tmp_path / f"images/p{seed}.png", picture_and_mask(seed)[0])
        images.append({"id": seed, "file_name": f"p{seed}.png", "width": 96, "height": 72})
        squares = [[x, y, x + 4, y, x + 4, y + 4, x, y + 4] for x in range(0, 90, 9) for y in (0, 30, 60)]
        annotations.append({"id": seed, "image_id": seed, "category_id": 1, "segmentation": squares})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cell"}]}
    (tmp_path / "labels.json").write_text(json.dumps(content))

    assert rules_of(tmp_path) == {"merged-objects": "warning"}
    assert sorted(files_of(tmp_path, "merged-objects")) == [f"images/p{seed}.png" for seed in range(4)]
