from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from labelled_sets import files_of, picture_and_mask, rules_of, write_picture, write_set
from smalta.data.check import check


def messages(root: Path, rule: str) -> list[str]:
    return [finding.message for finding in check(root).findings if finding.rule == rule]


# -- absent classes -----------------------------------------------------------------------------------


def test_a_class_that_one_split_lacks_is_a_warning_with_split_and_class(tmp_path: Path) -> None:
    root = write_set(tmp_path, classes="classes: [ground, disc, bar]")
    mask = cv2.imread(str(root / "train/masks/p0.png"), cv2.IMREAD_UNCHANGED)
    mask[:, :5] = 2
    write_picture(root / "train/masks/p0.png", mask)

    assert rules_of(root) == {"absent-class": "warning"}
    assert messages(root, "absent-class") == ["split 'val' has no pixel of bar, so they are not evaluated there"]


def test_a_class_that_no_mask_has_is_reported_once(tmp_path: Path) -> None:
    root = write_set(tmp_path, classes="classes: [ground, disc, bar, cone]")

    assert messages(root, "absent-class") == ["2 classes without a labelled pixel in any split: bar, cone"]


def test_a_parent_class_without_pixels_of_its_own_is_not_absent(tmp_path: Path) -> None:
    root = write_set(tmp_path, classes="classes: {all: {children: {ground: {ids: [0]}, disc: {ids: [1]}}}}")

    assert rules_of(root) == {}


# -- empty masks --------------------------------------------------------------------------------------


def test_masks_of_one_value_are_counted_in_a_warning(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    for name in ("p0", "p1"):
        write_picture(root / f"train/masks/{name}.png", np.zeros((72, 96), dtype=np.uint8))
    write_picture(root / "train/masks/p2.png", np.ones((72, 96), dtype=np.uint8))

    (message,) = messages(root, "empty-mask")

    assert rules_of(root) == {"empty-mask": "warning"}
    assert message == "3 masks of 6 with only one value: 2 only 'ground', 1 only 'disc'"
    assert files_of(root, "empty-mask") == ("train/masks/p0.png", "train/masks/p1.png", "train/masks/p2.png")


def test_a_mask_without_any_label_is_empty_and_a_partly_labelled_one_is_not(tmp_path: Path) -> None:
    root = write_set(tmp_path, classes="{classes: [ground, disc], ignore: [7]}")
    write_picture(root / "train/masks/p0.png", np.full((72, 96), 7, dtype=np.uint8))
    partly = np.full((72, 96), 7, dtype=np.uint8)
    partly[:9] = 1
    write_picture(root / "train/masks/p1.png", partly)

    assert messages(root, "empty-mask") == ["1 mask of 6 with only one value: 1 only 'unlabelled'"]


# -- polarity -----------------------------------------------------------------------------------------


def test_an_object_that_covers_most_pixels_is_suspected_and_the_fix_swaps_the_ids(tmp_path: Path) -> None:
    root = write_set(tmp_path, value=255)
    for path in root.glob("*/masks/*"):
        write_picture(path, 255 - cv2.imread(str(path), cv2.IMREAD_UNCHANGED))

    (finding,) = check(root).findings

    assert (finding.level, finding.rule) == ("warning", "inverted-polarity")
    assert "'ids: [0]' at 'disc'" in finding.fix
    assert "'ids: [255]' at 'ground'" in finding.fix


@pytest.mark.parametrize("names", ["{text: {ids: [1]}, paper: {ids: [0]}}", "{paper: {ids: [0]}, text: {ids: [1]}}"])
def test_the_ground_is_known_by_its_name_in_any_order(tmp_path: Path, names: str) -> None:
    root = write_set(tmp_path, classes=f"classes: {names}")

    assert rules_of(root) == {}


def test_a_large_first_class_of_three_is_no_matter_of_polarity(tmp_path: Path) -> None:
    root = write_set(tmp_path, classes="classes: {disc: {ids: [0]}, ground: {ids: [1]}, bar: {ids: [2]}}")

    assert "inverted-polarity" not in rules_of(root)


# -- mirrors ------------------------------------------------------------------------------------------

DOOR = "classes: {ground: {ids: [0]}, door: {children: {CHILDREN}}}"


def door_set(root: Path, children: str) -> Path:
    write_set(root, classes=DOOR.replace("{CHILDREN}", "{" + children + "}"))
    for path in root.glob("*/masks/*"):
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        mask[:3] = 2
        write_picture(path, mask)
    return root


@pytest.mark.parametrize(
    ("left", "right"), [("front_left", "front_right"), ("Left", "Right"), ("leftBright", "rightBright")]
)
def test_left_and_right_without_mirror_is_a_warning(tmp_path: Path, left: str, right: str) -> None:
    root = door_set(tmp_path, f"{left}: {{ids: [1]}}, {right}: {{ids: [2]}}")

    assert rules_of(root) == {"missing-mirror": "warning"}
    assert f"door/{left} and door/{right}" in messages(root, "missing-mirror")[0]


def test_left_and_right_with_mirror_is_fine(tmp_path: Path) -> None:
    root = door_set(tmp_path, "Left: {ids: [1], mirror: Right}, Right: {ids: [2]}")

    assert rules_of(root) == {}


def test_names_that_only_contain_the_letters_are_fine(tmp_path: Path) -> None:
    root = door_set(tmp_path, "bright: {ids: [1]}, leftover: {ids: [2]}")

    assert rules_of(root) == {}


# -- more than one thing at once ----------------------------------------------------------------------


def test_broken_entries_do_not_count_as_empty_or_absent(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    picture, _ = picture_and_mask(3)
    for path in root.glob("val/masks/*"):
        write_picture(path, picture)  # colour: no label file

    assert rules_of(root) == {"unreadable-label": "error"}
