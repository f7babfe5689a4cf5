from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from plans import a_plan
from smalta.classes import ClassTree
from smalta.data.fingerprint import Fingerprint, measure_samples
from smalta.data.sample import Sample
from smalta.description.kinds import Kind
from smalta.errors import ConfigError
from smalta.training.augment import UNCHANGED, AugmentConfig
from smalta.training.recipe import decide, wanted_batch
from smalta.training.settings import Augment, TrainSettings

PLAN = a_plan(task="training", runtime="pytorch", precision="fp32", streams=1, tile_hw=None, batch=8)
KIND: tuple[Kind, str] = ("semantic", "as set")
MANY = 2**40  # bytes of free memory
AUGMENTS: tuple[Augment, ...] = ("usual", "none")


@pytest.fixture(scope="module")
def fingerprint() -> Fingerprint:
    """Eight pictures of 100 x 200 px with a wide class in the lower half."""
    classes = np.ones((100, 200), np.uint16)
    classes[50:] = 2
    samples = [Sample(name=str(k), picture=np.zeros((100, 200, 3), np.uint8), classes=classes) for k in range(8)]
    return measure_samples(samples, ClassTree(["sky", "road"]))


def test_what_is_told_is_obeyed(fingerprint: Fingerprint) -> None:
    recipe = decide(TrainSettings(crop=64, stride=1), fingerprint, MANY, KIND, PLAN)

    assert (recipe.crop_hw, recipe.stride) == ((64, 64), 1)
    assert recipe.reasons["stride"] == "stride 1: as set"


def test_the_stride_of_a_model_is_not_said_to_be_set(fingerprint: Fingerprint) -> None:
    recipe = decide(TrainSettings(stride=2, initial="model.onnx"), fingerprint, MANY, KIND, PLAN)

    assert recipe.reasons["stride"] == "stride 2: as in the model that the run starts from"


def test_the_plan_is_obeyed(fingerprint: Fingerprint) -> None:
    other = replace(PLAN, precision="bf16", layout="channels_first", batch=3, device="cuda", reasons={"batch": "3: so"})

    first, second = (decide(TrainSettings(), fingerprint, MANY, KIND, made) for made in (PLAN, other))

    assert (first.device, first.bf16, first.layout, first.batch, first.ahead) == ("cpu", False, "channels_last", 8, 0)
    assert (second.device, second.bf16, second.layout, second.batch) == ("cuda", True, "channels_first", 3)
    assert second.ahead > 0
    assert second.reasons["batch"] == "batch: 3: so"


def test_what_is_not_told_follows_from_the_data(fingerprint: Fingerprint) -> None:
    recipe = decide(TrainSettings(), fingerprint, MANY, KIND, PLAN)

    # pictures of 100 x 200 px: the next multiples of 32 are 128 and 224
    assert recipe.crop_hw == (128, 224)
    assert recipe.stride == fingerprint.output_stride
    assert recipe.reasons["stride"] == fingerprint.stride_reason


@pytest.mark.parametrize(("pictures", "batch"), [(1, 2), (2, 2), (5, 5), (700, 8)])
def test_a_small_data_set_gets_a_small_batch(fingerprint: Fingerprint, pictures: int, batch: int) -> None:
    few = replace(fingerprint, n_pictures={"train": pictures})

    assert wanted_batch(TrainSettings(), few) == batch
    assert wanted_batch(TrainSettings(batch=3), few) == 3


def test_large_pictures_are_cut_to_crops_of_320(fingerprint: Fingerprint) -> None:
    large = replace(fingerprint, height=(1000, 1000, 1000), width=(150, 150, 150))

    assert decide(TrainSettings(), large, MANY, KIND, PLAN).crop_hw == (320, 160)


@pytest.mark.parametrize(
    ("side", "told", "expected", "sentence"),
    [
        (1000, {}, 0.4, "; the run starts with 128 x 128 px"),
        (1000, {"first_view": 0.7}, 0.7, "; the run starts with 224 x 224 px"),
        (1000, {"first_view": 1.0}, 1.0, ""),
        (160, {}, 0.6, "; the run starts with 96 x 96 px"),  # no smaller than 96
        (64, {}, 1.0, ""),
    ],
)
def test_crops_begin_small_where_they_can(
    fingerprint: Fingerprint, side: int, told: dict[str, Any], expected: float, sentence: str
) -> None:
    pictures = replace(fingerprint, height=(side,) * 3, width=(side,) * 3)

    recipe = decide(TrainSettings(**told), pictures, MANY, KIND, PLAN)

    assert recipe.first_view == pytest.approx(expected)
    assert sentence in recipe.reasons["crop"]
    assert ("start" in recipe.reasons["crop"]) == bool(sentence)


def test_crops_stray_unless_told_not_to(fingerprint: Fingerprint) -> None:
    usual, none = (decide(TrainSettings(augment=augment), fingerprint, MANY, KIND, PLAN) for augment in AUGMENTS)

    assert usual.augment == AugmentConfig()
    assert none.augment == UNCHANGED
    assert none.reasons["augmentation"].startswith("augmentation none: as set")


def test_samples_are_kept_where_a_third_of_the_free_memory_holds_them(fingerprint: Fingerprint) -> None:
    needed = fingerprint.decoded_bytes  # 8 pictures of 100 x 200 px: 3 bytes of colour and 2 of class
    assert needed == 8 * 100 * 200 * 5
    no_network = replace(PLAN, memory_bytes=0)

    roomy, tight = (
        decide(TrainSettings(), fingerprint, memory, KIND, no_network) for memory in (3 * needed, 3 * needed - 3)
    )

    assert roomy.cache_bytes >= needed
    assert "fit in" in roomy.reasons["cache"]
    assert tight.cache_bytes == needed - 1
    assert "do not all fit" in tight.reasons["cache"]


def test_samples_do_not_take_what_the_network_needs(fingerprint: Fingerprint) -> None:
    needed = fingerprint.decoded_bytes

    tight = decide(TrainSettings(), fingerprint, 9 * needed, KIND, replace(PLAN, memory_bytes=8 * needed + 1))
    none = decide(TrainSettings(), fingerprint, needed, KIND, replace(PLAN, memory_bytes=2 * needed))

    assert tight.cache_bytes == needed - 1
    assert none.cache_bytes == 0


def test_pictures_with_an_up_stay_upright(fingerprint: Fingerprint) -> None:
    sides = np.ones((100, 200), np.uint16)
    sides[:, 100:] = 2
    sample = Sample(name="a", picture=np.zeros((100, 200, 3), np.uint8), classes=sides)
    no_up = measure_samples([sample], ClassTree(["left", "right"]))

    assert not decide(TrainSettings(), fingerprint, MANY, KIND, PLAN).augment.upside_down
    assert decide(TrainSettings(), no_up, MANY, KIND, PLAN).augment.upside_down


def test_a_single_crop_that_batch_normalisation_cannot_take_is_refused(fingerprint: Fingerprint) -> None:
    with pytest.raises(ConfigError, match="batch 1 with crops of 32 x 32 px"):
        decide(TrainSettings(crop=32), fingerprint, MANY, KIND, replace(PLAN, batch=1))
    decide(TrainSettings(crop=64), fingerprint, MANY, KIND, replace(PLAN, batch=1))
