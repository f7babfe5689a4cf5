from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from labelled_sets import files_of, picture_and_mask, rules_of, write_picture, write_set
from smalta.data.any_format import open_dataset
from smalta.data.check import check
from smalta.data.checks.exam import Exam
from smalta.data.checks.file_rules import exif_misfit


def test_a_clean_set_has_no_finding(tmp_path: Path) -> None:
    assert rules_of(write_set(tmp_path)) == {}


def test_a_picture_without_a_mask_is_an_error_that_names_it(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    (root / "train/masks/p1.png").unlink()

    assert rules_of(root) == {"picture-without-label": "error"}
    assert files_of(root, "picture-without-label") == ("train/images/p1.png",)


def test_a_mask_without_a_picture_is_an_error_that_names_it(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    (root / "val/images/p100.png").unlink()

    assert rules_of(root) == {"label-without-picture": "error"}
    assert files_of(root, "label-without-picture") == ("val/masks/p100.png",)


@pytest.mark.parametrize(("room", "rule"), [("images", "unreadable-picture"), ("masks", "unreadable-label")])
@pytest.mark.parametrize("kept", [0, 0.5])
def test_truncated_and_empty_files_are_errors(tmp_path: Path, room: str, rule: str, kept: float) -> None:
    root = write_set(tmp_path)
    broken = root / "train" / room / "p2.png"
    broken.write_bytes(broken.read_bytes()[: int(kept * broken.stat().st_size)])

    assert rules_of(root) == {rule: "error"}
    assert files_of(root, rule) == (f"train/{room}/p2.png",)


def test_a_colour_mask_is_an_unreadable_label(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    picture, _ = picture_and_mask(5)
    write_picture(root / "train/masks/p0.png", picture)

    assert rules_of(root) == {"unreadable-label": "error"}


def test_a_mask_of_another_size_is_an_error_with_both_sizes(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    write_picture(root / "train/masks/p3.png", np.zeros((36, 48), dtype=np.uint8))

    (finding,) = check(root).findings

    assert (finding.rule, finding.level, finding.files) == ("size-mismatch", "error", ("train/masks/p3.png",))
    assert "48 x 36" in finding.message
    assert "96 x 72" in finding.message


def test_a_turned_mask_without_an_exif_tag_is_of_another_size(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    write_picture(root / "train/masks/p3.png", np.zeros((96, 72), dtype=np.uint8))

    assert rules_of(root) == {"size-mismatch": "error"}


def write_turned(root: Path, name: str, orientation: int, picture: np.ndarray, mask: np.ndarray) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    (root / "train/images" / f"{name}.png").unlink(missing_ok=True)
    Image.fromarray(picture).save(root / "train/images" / f"{name}.jpg", exif=exif, quality=95)
    write_picture(root / "train/masks" / f"{name}.png", mask)


def test_unrotated_masks_of_exif_rotated_pictures_are_pointed_out(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    picture, mask = picture_and_mask(0)  # stored 96 x 72, shown 72 x 96
    write_turned(root, "p0", 6, picture, mask)

    assert rules_of(root) == {"exif-turned-label": "warning"}
    assert files_of(root, "exif-turned-label") == ("train/images/p0.jpg",)


def test_masks_of_the_upright_size_beside_exif_rotated_pictures_are_fine(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    upright, mask = picture_and_mask(0)
    write_turned(root, "p0", 6, np.rot90(upright).copy(), mask)  # 6: turn the stored pixels clockwise

    assert rules_of(root) == {}


@pytest.mark.parametrize("orientation", [3, 6])
def test_upright_masks_that_size_cannot_tell_apart_are_an_error(tmp_path: Path, orientation: int) -> None:
    root = write_set(tmp_path)
    for seed in range(4):
        upright, mask = picture_and_mask(seed, size_hw=(72, 72))
        stored = np.rot90(upright, 2 if orientation == 3 else 1).copy()
        write_turned(root, f"p{seed}", orientation, stored, mask)

    assert rules_of(root) == {"exif-misfit": "error"}


@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
def test_masks_that_are_stored_like_their_pictures_fit_in_every_orientation(tmp_path: Path, orientation: int) -> None:
    root = write_set(tmp_path)
    for seed in range(4):
        picture, mask = picture_and_mask(seed, size_hw=(72, 72))
        write_turned(root, f"p{seed}", orientation, picture, mask)

    assert rules_of(root) == {"exif-turned-label": "warning"}


def test_a_broken_file_does_not_hide_what_is_wrong_with_the_others(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    (root / "train/images/p0.png").write_bytes(b"no picture")
    cv2.imwrite(str(root / "train/masks/p1.png"), np.full((72, 96), 9, dtype=np.uint8))
    (root / "train/masks/p2.png").unlink()

    assert rules_of(root) == {
        "unreadable-picture": "error",
        "unknown-ids": "error",
        "picture-without-label": "error",
    }


@pytest.mark.parametrize(("as_stored", "findings"), [(9.0, 0), (11.0, 0), (12.0, 1)])
def test_turned_labels_are_doubted_only_when_they_fit_clearly_worse(
    tmp_path: Path, as_stored: float, findings: int
) -> None:
    dataset = open_dataset(write_set(tmp_path))
    entry = dataset.entries[0]
    exam = Exam(split="train", entry=entry, culprit=entry.labels[0], orientation=3, contrast=(10.0, as_stored))

    assert len(list(exif_misfit(dataset, [exam]))) == findings
