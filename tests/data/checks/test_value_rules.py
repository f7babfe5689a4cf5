from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from labelled_sets import files_of, rules_of, write_picture, write_set
from smalta.data.check import check
from smalta.data.checks.exam import Steps, measure_steps

THREE = "classes: {sky: {ids: [0]}, house: {ids: [4]}, road: {ids: [9]}}"


def change_masks(root: Path, change: Callable[[np.ndarray], np.ndarray], suffix: str = ".png") -> Path:
    for path in list(root.glob("*/masks/*")):
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        path.unlink()
        write_picture(path.with_suffix(suffix), change(mask))
    return root


def three_classes(mask: np.ndarray) -> np.ndarray:
    """A road (9) below, sky (0) above, the disc a house (4)."""
    out = np.where(mask > 0, 4, 0).astype(np.uint8)
    out[50:] = 9
    return out


def smoothed(mask: np.ndarray) -> np.ndarray:
    """What resizing with interpolation to half the size and back leaves."""
    small = cv2.resize(mask, (48, 36), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(small, (96, 72), interpolation=cv2.INTER_LINEAR)


# -- the measure --------------------------------------------------------------------------------------


def test_steps_count_ramps_and_jumps_along_rows_and_columns() -> None:
    #                  0 -> 5 -> 9 is one ramp of two jumps; 9 -> 8 is no jump
    values = np.array([[0, 5, 9, 8]])

    assert measure_steps(values) == Steps(ramps=1, jumps=2, middles=1)
    assert measure_steps(values.T) == measure_steps(values)


@given(st.lists(st.sampled_from([0, 50, 255]), min_size=3, max_size=30))
def test_repeating_every_pixel_leaves_no_ramp(row: list[int]) -> None:
    enlarged = np.repeat(np.array([row], dtype=np.uint8), 2, axis=1)  # nearest-neighbour resizing

    assert measure_steps(enlarged).ramps == 0


# -- one cause each -----------------------------------------------------------------------------------


def test_masks_of_0_and_255_against_a_0_1_tree_are_an_error_that_says_what_to_write(tmp_path: Path) -> None:
    root = write_set(tmp_path, value=255, classes="classes: [ground, disc]")

    (finding,) = check(root).findings

    assert (finding.rule, finding.level, len(finding.files)) == ("mask-0-255", "error", 6)
    assert finding.fix == "write 'ids: [255]' at class 'disc' in classes.yaml"


def test_masks_of_0_and_255_are_fine_where_the_tree_says_so_or_says_nothing(tmp_path: Path) -> None:
    root = write_set(tmp_path, value=255)

    assert rules_of(root) == {}
    (root / "classes.yaml").unlink()
    assert rules_of(root) == {}


@pytest.mark.parametrize(
    ("shift", "classes"),
    [(1, "classes: [sky, house, road]"), (0, "classes: {sky: {ids: [1]}, house: {ids: [2]}, road: {ids: [3]}}")],
)
def test_ids_that_are_off_by_one_are_an_error(tmp_path: Path, shift: int, classes: str) -> None:
    root = write_set(tmp_path, classes=classes)
    change_masks(root, lambda mask: (np.searchsorted([0, 4, 9], three_classes(mask)) + shift).astype(np.uint8))

    assert rules_of(root) == {"off-by-one": "error"}


def test_one_unknown_id_next_to_the_last_is_not_off_by_one_where_the_first_occurs(tmp_path: Path) -> None:
    root = write_set(tmp_path, classes="classes: [ground, disc]")  # 0 and 1 occur
    mask = cv2.imread(str(root / "train/masks/p0.png"), cv2.IMREAD_UNCHANGED)
    mask[:9] = 2
    write_picture(root / "train/masks/p0.png", mask)

    (finding,) = check(root).findings

    assert (finding.rule, finding.files) == ("unknown-ids", ("train/masks/p0.png",))
    assert "2 (12.5%)" in finding.message  # 9 of 72 rows


def test_a_value_to_ignore_is_known(tmp_path: Path) -> None:
    root = write_set(tmp_path, classes="{classes: [ground, disc], ignore: [2]}")
    change_masks(root, lambda mask: np.pad(mask[3:], ((0, 3), (0, 0)), constant_values=2))

    assert rules_of(root) == {}


# -- smooth masks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_tree", [True, False])
def test_anti_aliased_masks_are_an_error_that_names_the_files(tmp_path: Path, has_tree: bool) -> None:
    root = change_masks(write_set(tmp_path, value=255), lambda mask: cv2.GaussianBlur(mask, (0, 0), 1.0))
    if not has_tree:
        (root / "classes.yaml").unlink()

    assert rules_of(root) == {"anti-aliased-mask": "error"}
    assert len(files_of(root, "anti-aliased-mask")) == 6


@pytest.mark.parametrize(
    "classes",
    [
        THREE,  # 1, 2, 3 ... are unknown
        f"classes: [{', '.join(f'c{i}' for i in range(10))}]",  # 1, 2, 3 ... are classes: nothing else would notice
    ],
)
def test_resized_masks_are_an_error_whether_the_invented_ids_are_classes_or_not(tmp_path: Path, classes: str) -> None:
    root = change_masks(write_set(tmp_path, classes=classes), three_classes)
    assert rules_of(root).keys() <= {"absent-class"}  # clean before

    change_masks(root, smoothed)

    assert rules_of(root)["interpolated-mask"] == "error"
    assert "unknown-ids" not in rules_of(root)


def test_an_outline_class_between_two_others_is_no_interpolation(tmp_path: Path) -> None:
    def outlined(mask: np.ndarray) -> np.ndarray:
        inner = cv2.erode(mask, np.ones((3, 3), dtype=np.uint8))
        return mask + inner  # 0 outside, 1 the outline, 2 inside

    root = change_masks(write_set(tmp_path, classes="classes: [ground, outline, disc]"), outlined)

    assert rules_of(root) == {}


def thin_things(size_hw: tuple[int, int]) -> np.ndarray:
    """Ten classes side by side in stripes of 6 pixels, each with a post of another class, one pixel wide, before it."""
    mask = np.zeros(size_hw, dtype=np.uint8)
    for place, left in enumerate(range(0, size_hw[1], 6)):
        mask[:, left : left + 6] = (0, 4, 9, 2, 7)[place % 5]
        mask[: size_hw[0] // 2, left + 3] = (3, 6, 5, 5, 8)[place % 5]
        mask[: size_hw[0] // 3, left] = (4, 2, 6, 8, 5)[place % 5]
    return mask


def test_thin_things_in_small_masks_are_no_interpolation_and_real_interpolation_is(tmp_path: Path) -> None:
    size_hw = (64, 96)
    exact = thin_things(size_hw)
    steps = measure_steps(exact)
    assert steps.middles >= 3
    assert 0.1 < steps.ramps / (steps.ramps + steps.jumps) < 0.2  # more than the share that tells in large masks
    root = write_set(tmp_path, classes=f"classes: [{', '.join(f'c{i}' for i in range(10))}]")
    for path in root.glob("*/images/*"):
        write_picture(path, cv2.imread(str(path))[: size_hw[0]])
    change_masks(root, lambda mask: exact)
    assert rules_of(root).keys() <= {"absent-class"}

    change_masks(root, lambda mask: cv2.resize(thin_things((90, 144)), size_hw[::-1], interpolation=cv2.INTER_AREA))

    assert rules_of(root)["interpolated-mask"] == "error"


def test_masks_in_jpeg_files_are_an_error_where_values_changed(tmp_path: Path) -> None:
    root = change_masks(write_set(tmp_path, value=255), lambda mask: mask, suffix=".jpg")

    assert rules_of(root) == {"lossy-mask": "error"}
    assert files_of(root, "lossy-mask")[0] == "train/masks/p0.jpg"


def test_masks_in_jpeg_files_are_a_warning_where_no_value_changed(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    (root / "train/masks/p0.png").unlink()
    write_picture(root / "train/masks/p0.jpg", np.zeros((72, 96), dtype=np.uint8))

    assert rules_of(root) == {"lossy-mask": "warning", "empty-mask": "warning"}


def test_a_jpeg_mask_with_a_strange_value_is_reported_once(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    (root / "train/masks/p0.png").unlink()
    write_picture(root / "train/masks/p0.jpg", np.full((72, 96), 9, dtype=np.uint8))

    assert rules_of(root) == {"lossy-mask": "error"}


def test_a_lossless_webp_mask_is_fine_and_a_lossy_one_is_refused(tmp_path: Path) -> None:
    root = write_set(tmp_path, value=255)
    mask = Image.open(root / "train/masks/p0.png").convert("RGB")
    (root / "train/masks/p0.png").unlink()
    mask.save(root / "train/masks/p0.webp", lossless=True)
    assert rules_of(root) == {}

    mask.save(root / "train/masks/p0.webp", lossless=False, quality=60)

    assert list(rules_of(root).values()) == ["error"]


def test_a_lossy_webp_mask_whose_values_stand_is_a_warning(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    (root / "train/masks/p0.png").unlink()
    Image.new("RGB", (96, 72)).save(root / "train/masks/p0.webp", lossless=False)

    assert rules_of(root) == {"lossy-mask": "warning", "empty-mask": "warning"}
