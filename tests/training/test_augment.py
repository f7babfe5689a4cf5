from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as TF

from smalta.classes import ClassTree
from smalta.data.sample import Sample
from smalta.training.augment import UNCHANGED, AugmentConfig, Crop, _recolour, random_crop, smaller_crop

# 1 ground  2 left  3 right
TREE = ClassTree({"ground": {}, "left": {"mirror": "right"}, "right": {}})
STILL = replace(UNCHANGED, aimed=0.0)


def sample_of(classes: np.ndarray, **attributes: np.ndarray) -> Sample:
    """A picture whose brightness is 60 times the node id."""
    picture = np.repeat((classes * 60).astype(np.uint8)[..., None], 3, axis=2)
    return Sample(name="a", picture=picture, classes=classes.astype(np.uint16), attributes=attributes)


def quarters(side: int = 64) -> np.ndarray:
    """Top left 2, top right 3, below 1."""
    classes = np.ones((side, side), np.uint16)
    classes[: side // 2, : side // 2] = 2
    classes[: side // 2, side // 2 :] = 3
    return classes


def crop_of(sample: Sample, config: AugmentConfig, seed: int = 0, size_hw: tuple[int, int] = (64, 64)) -> Crop:
    return random_crop(sample, TREE, size_hw, config, np.random.default_rng(seed))


def test_without_freedom_a_crop_is_the_picture() -> None:
    tone = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64).astype(np.uint8)
    sample = sample_of(quarters(), tone=tone)

    crop = crop_of(sample, STILL)

    assert np.array_equal(crop.picture.numpy(), sample.picture.transpose(2, 0, 1))
    assert np.array_equal(crop.labels.numpy(), sample.classes)
    assert np.array_equal(crop.attributes["tone"].numpy(), tone)


@pytest.mark.parametrize("picture_side", [64, 40])
def test_a_smaller_crop_shows_as_much_of_a_picture_smaller(picture_side: int) -> None:
    sample = sample_of(quarters(picture_side))
    full, small = (
        random_crop(sample, TREE, (side, side), STILL, np.random.default_rng(0), side / 64) for side in (64, 32)
    )

    assert np.array_equal(small.labels.numpy(), full.labels.numpy()[1::2, 1::2])  # what lies beyond the picture too


@pytest.mark.parametrize(
    ("size_hw", "share", "expected"),
    [
        ((320, 320), 0.4, ((128, 128), 0.4)),
        ((320, 320), 0.44, ((128, 128), 0.4)),
        ((320, 320), 0.46, ((160, 160), 0.5)),
        ((320, 320), 1.0, ((320, 320), 1.0)),
        ((192, 320), 0.4, ((64, 128), 0.4)),  # of 192 px 0.4 are 77
        ((320, 96), 0.5, ((160, 32), 0.5)),
        ((32, 32), 0.1, ((32, 32), 1.0)),
    ],
)
def test_a_smaller_crop_has_sides_of_whole_places_and_one_scale(
    size_hw: tuple[int, int], share: float, expected: tuple[tuple[int, int], float]
) -> None:
    assert smaller_crop(size_hw, share) == expected


@given(height=st.integers(1, 20), width=st.integers(1, 20), share=st.floats(0.01, 1))
def test_what_fills_the_full_crop_fills_a_smaller_one(height: int, width: int, share: float) -> None:
    (small_h, small_w), zoom = smaller_crop((32 * height, 32 * width), share)

    assert small_h % 32 == small_w % 32 == 0
    for small, full in ((small_h, 32 * height), (small_w, 32 * width)):
        assert small == 32 or small <= full * zoom + 1e-6


def test_a_mirrored_crop_mirrors_labels_and_swaps_left_and_right() -> None:
    tone = np.zeros((64, 64), np.uint8)
    tone[:, :10] = 2
    sample = sample_of(quarters(), tone=tone)

    crop = crop_of(sample, replace(STILL, flip=1.0))

    assert np.array_equal(crop.picture.numpy(), sample.picture.transpose(2, 0, 1)[:, :, ::-1])
    # the right class stood on the right; it now stands on the left, where it is the left class
    assert np.array_equal(crop.labels.numpy(), sample.classes)
    assert np.array_equal(crop.attributes["tone"].numpy(), tone[:, ::-1])


def test_a_picture_without_an_up_is_turned_in_all_eight_ways_and_only_mirror_images_swap() -> None:
    classes = quarters()
    classes[40:, :20] = 2  # no symmetry is left
    sample = sample_of(classes)
    turns = {}
    for quarter_turns in range(4):
        turned = np.rot90(classes, quarter_turns)
        turns[turned.tobytes()] = turned
        swapped = TREE.mirror[turned[:, ::-1]].astype(np.uint16)
        turns[swapped.tobytes()] = turned[:, ::-1]
    config = replace(STILL, upside_down=True, flip=0.5)

    seen = set()
    for seed in range(80):
        crop = crop_of(sample, config, seed)
        key = crop.labels.numpy().astype(np.uint16).tobytes()
        assert key in turns
        assert np.array_equal(crop.picture.numpy()[0], turns[key] * 60)
        seen.add(key)
    assert len(seen) == 8


def test_crops_that_are_not_square_are_turned_but_never_laid_on_their_side() -> None:
    sample = sample_of(np.resize([1, 2, 3], (32, 64)))

    crops = [crop_of(sample, replace(STILL, upside_down=True), seed, size_hw=(32, 64)) for seed in range(12)]

    assert {tuple(crop.labels.shape) for crop in crops} == {(32, 64)}


def test_beyond_a_small_picture_the_edge_goes_on_without_a_label() -> None:
    sample = sample_of(np.full((40, 64), 3), tone=np.full((40, 64), 1, np.uint8))

    crop = crop_of(sample, STILL, size_hw=(96, 96))

    inside = crop.labels.numpy() > 0
    assert inside.sum() == 40 * 64
    assert (crop.labels.numpy()[inside] == 3).all()
    assert (crop.picture.numpy() == 180).all()
    assert np.array_equal(crop.attributes["tone"].numpy(), inside.astype(np.uint8))


def test_enlargement_and_stretch_keep_picture_and_labels_together() -> None:
    sample = sample_of(quarters(96))
    config = replace(STILL, scale=(0.5, 2.0), stretch=1.3)

    for seed in range(20):
        crop = crop_of(sample, config, seed)
        labels = crop.labels.numpy()
        # where a pixel's neighbours all bear its class, resizing cannot have mixed it
        calm = np.ones_like(labels, dtype=bool)
        for shift in range(-3, 4):
            calm &= (np.roll(labels, shift, 0) == labels) & (np.roll(labels, shift, 1) == labels)
        calm &= labels > 0
        assert (crop.picture.numpy()[0][calm] == labels[calm] * 60).all()


def test_scale_says_how_much_of_the_picture_a_crop_shows() -> None:
    rows = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 256, axis=1)
    sample = Sample(name="a", picture=np.repeat(rows[..., None], 3, axis=2), classes=np.ones((256, 256), np.uint16))

    for scale, shown in ((0.5, 128), (1.0, 64), (2.0, 32)):
        crop = crop_of(sample, replace(STILL, scale=(scale, scale)))
        brightness = crop.picture.numpy().astype(int)
        assert brightness.max() - brightness.min() == pytest.approx(shown, abs=4)  # edges are smoothed


@pytest.mark.parametrize("size_hw", [(96, 96), (64, 96), (64, 64)])
def test_a_picture_no_larger_than_the_crop_is_hardly_made_smaller(size_hw: tuple[int, int]) -> None:
    sample = sample_of(quarters(64))
    config = replace(STILL, scale=(0.4, 1.6))

    labelled = [int((crop_of(sample, config, seed, size_hw).labels > 0).sum()) for seed in range(40)]

    assert min(labelled) >= 0.8 * 64 * 64  # at 0.4 it would be 16 % of the picture's pixels
    assert max(labelled) > 64 * 64 or size_hw == (64, 64)


def test_an_aimed_crop_shows_a_rare_class_more_often() -> None:
    classes = np.ones((256, 256), np.uint16)
    classes[100:108, 60:68] = 2

    def hits(aimed: float) -> int:
        config = replace(STILL, aimed=aimed)
        return sum(bool((crop_of(sample_of(classes), config, seed).labels == 2).any()) for seed in range(60))

    # by chance (64 + 7)^2 / (256 - 64 + 1)^2 = 14 %; aimed at the class half of the time, and at the ground the rest
    assert hits(0.0) < 20
    assert 28 < hits(1.0) < 50


def test_crops_are_aimed_at_classes_and_not_at_what_is_unlabelled() -> None:
    classes = np.zeros((256, 256), np.uint16)
    classes[100:108, 60:68] = 2

    assert all((crop_of(sample_of(classes), replace(STILL, aimed=1.0), seed).labels == 2).any() for seed in range(20))


def test_an_unlabelled_picture_can_be_aimed_at() -> None:
    assert not crop_of(sample_of(np.zeros((80, 80))), replace(STILL, aimed=1.0)).labels.any()


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        (replace(STILL, brightness=0.5), True),
        (replace(STILL, contrast=0.5), True),
        (replace(STILL, saturation=0.5), True),
        (replace(STILL, grey=1.0), True),
        (STILL, False),
    ],
)
def test_colours_change_and_labels_do_not(config: AugmentConfig, changes: bool) -> None:
    colours = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    sample = Sample(name="a", picture=colours, classes=quarters())

    crop = crop_of(sample, config)

    assert np.array_equal(crop.labels.numpy(), sample.classes)
    assert np.array_equal(crop.picture.numpy(), colours.transpose(2, 0, 1)) != changes
    if config.grey:
        assert (crop.picture[0] == crop.picture[1]).all()


@pytest.mark.parametrize("grey", [0.0, 1.0])
def test_colours_are_those_of_torchvision(grey: float) -> None:
    colours = np.random.default_rng(1).integers(80, 140, (24, 40, 3), dtype=np.uint8)  # nothing is cut
    sample = Sample(name="a", picture=colours, classes=np.ones((24, 40), np.uint16))
    config = replace(STILL, brightness=0.3, contrast=0.3, saturation=0.3, grey=grey)

    found = _recolour(torch.from_numpy(sample.picture).permute(2, 0, 1), config, np.random.default_rng(5))

    rng = np.random.default_rng(5)
    bright, contrast, saturated = rng.uniform(0.7, 1.3, 3)
    expected = TF.adjust_brightness(torch.from_numpy(colours).permute(2, 0, 1) / 255, bright)
    expected = TF.adjust_contrast(expected, contrast)
    expected = TF.adjust_saturation(expected, 0 if grey else saturated)
    torch.testing.assert_close(found.float(), 255 * expected, atol=1.0, rtol=0)


@given(
    height=st.integers(1, 150),
    width=st.integers(1, 150),
    size_hw=st.tuples(st.sampled_from([32, 64]), st.sampled_from([32, 96])),
    seed=st.integers(0, 2**32 - 1),
    upside_down=st.booleans(),
)
def test_a_crop_has_its_size_and_types_whatever_the_picture(
    height: int, width: int, size_hw: tuple[int, int], seed: int, upside_down: bool
) -> None:
    classes = np.random.default_rng(seed).integers(0, 4, (height, width)).astype(np.uint16)
    sample = sample_of(classes, tone=np.ones((height, width), np.uint8))
    before = classes.copy(), sample.picture.copy()
    config = AugmentConfig(upside_down=upside_down)

    crop, again = (crop_of(sample, config, seed, size_hw) for _ in range(2))

    assert (tuple(crop.picture.shape), str(crop.picture.dtype)) == ((3, *size_hw), "torch.uint8")
    assert (tuple(crop.labels.shape), str(crop.labels.dtype)) == (size_hw, "torch.int16")
    assert set(np.unique(crop.labels)) <= {0, *np.unique(TREE.mirror[classes]), *np.unique(classes)}
    assert crop.attributes["tone"].shape == crop.labels.shape
    assert crop.picture.equal(again.picture)
    assert crop.labels.equal(again.labels)
    assert np.array_equal(sample.classes, before[0])
    assert np.array_equal(sample.picture, before[1])


def test_read_only_samples_serve_too() -> None:
    sample = sample_of(quarters(), tone=np.ones((64, 64), np.uint8))
    arrays: list[Any] = [sample.picture, sample.classes, sample.attributes["tone"]]
    for array in arrays:
        array.flags.writeable = False

    crop_of(sample, AugmentConfig(upside_down=True))
