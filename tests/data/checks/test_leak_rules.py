from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from labelled_sets import files_of, picture_and_mask, rules_of, write_picture, write_set
from smalta.data.check import check
from smalta.data.checks.likeness import alike, likeness, turns

WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda p: p,
    "mirrored": lambda p: p[:, ::-1],
    "upside down": lambda p: p[::-1],
    "half a turn": lambda p: p[::-1, ::-1],
    "a quarter to the left": lambda p: np.rot90(p),
    "a quarter to the right": lambda p: np.rot90(p, 3),
    "transposed": lambda p: p.swapaxes(0, 1),
    "transposed the other way": lambda p: np.rot90(p, 2).swapaxes(0, 1),
}


def leak(root: Path, change: Callable[[np.ndarray], np.ndarray], suffix: str = ".png") -> Path:
    """Put the changed training picture p1 into val, with a mask of its size."""
    picture, mask = picture_and_mask(1)
    write_picture(root / f"val/images/leak{suffix}", change(picture))
    size_hw = change(picture).shape[:2]
    write_picture(root / "val/masks/leak.png", cv2.resize(mask, size_hw[::-1], interpolation=cv2.INTER_NEAREST))
    return root


@pytest.mark.parametrize("way", WAYS)
def test_the_same_picture_in_two_splits_is_an_error_however_it_is_turned(tmp_path: Path, way: str) -> None:
    root = leak(write_set(tmp_path), WAYS[way])

    assert rules_of(root) == {"identical-pictures": "error"}
    assert files_of(root, "identical-pictures") == ("val/images/leak.png",)
    assert "train/images/p1.png = val/images/leak.png" in check(root).findings[0].message


@pytest.mark.parametrize("way", WAYS)
def test_a_recompressed_copy_is_a_warning_however_it_is_turned(tmp_path: Path, way: str) -> None:
    root = leak(write_set(tmp_path), WAYS[way], suffix=".jpg")

    assert rules_of(root) == {"near-identical-pictures": "warning"}


@pytest.mark.parametrize(
    "change",
    [
        lambda p: cv2.resize(p, (60, 45), interpolation=cv2.INTER_AREA),
        lambda p: cv2.convertScaleAbs(p, alpha=1.1, beta=6),
        lambda p: np.repeat(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2),
    ],
    ids=["smaller", "brighter", "grey"],
)
def test_a_copy_that_was_edited_is_a_warning(tmp_path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    assert rules_of(leak(write_set(tmp_path), change)) == {"near-identical-pictures": "warning"}


def test_twins_within_one_split_are_no_leak(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    picture, mask = picture_and_mask(1)
    write_picture(root / "train/images/twin.png", picture)
    write_picture(root / "train/masks/twin.png", mask)

    assert rules_of(root) == {}


def test_where_smalta_made_the_split_a_twin_is_a_warning_with_groups_as_the_way_out(tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    for seed in (0, 0, 0, 0, 1, 1, 1, 1):  # whatever the seed deals, a twin lands on another side
        picture, mask = picture_and_mask(seed)
        number = len(list(flat.glob("images/*")))
        write_picture(flat / "images" / f"{number}.png", picture)
        write_picture(flat / "masks" / f"{number}.png", mask)

    (finding,) = check(flat).findings

    assert (finding.level, finding.rule) == ("warning", "identical-pictures")
    assert "groups.txt" in finding.fix


def test_pictures_of_even_colour_are_not_alike() -> None:
    even = [likeness(np.full((40, 60, 3), level, dtype=np.uint8)) for level in (10, 200)]

    assert list(alike(even[:1], even[1:])) == []


def test_pictures_that_share_only_their_shading_are_not_alike() -> None:
    shading = np.linspace(40, 200, 96)[None, :, None] * np.linspace(0.6, 1.0, 72)[:, None, None]
    rng = np.random.default_rng(0)
    pictures = [np.clip(shading + rng.normal(0, 6, (72, 96, 3)), 0, 255).astype(np.uint8) for _ in range(2)]

    assert list(alike([likeness(pictures[0])], [likeness(pictures[1])])) == []


def test_coefficients_turn_like_their_picture() -> None:
    square = np.random.default_rng(0).normal(size=(16, 16)).astype(np.float32)

    from_pictures = [cv2.dct(np.ascontiguousarray(turned)) for turned in turns(square)]

    np.testing.assert_allclose(turns(cv2.dct(square), frequencies=True), from_pictures, atol=1e-4)


def test_the_eight_turns_of_an_array_all_differ() -> None:
    assert len({turned.tobytes() for turned in turns(np.arange(6).reshape(2, 3))}) == 8
