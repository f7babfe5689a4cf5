from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

import smalta
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.errors import ClassTreeError, ConfigError, DataError, ModelError, ShapeError
from smalta.inference.predictor import Predictor, load
from stand_ins import BLUE, CARS, GREEN, RED, UNSURE, RedIsAudi, cars, info, picture

# -- answering ----------------------------------------------------------------------------------------


def test_an_array_becomes_a_segmentation() -> None:
    answer = cars()(picture(RED, GREEN, BLUE))

    assert isinstance(answer, Segmentation)
    assert answer.tree is CARS
    assert answer.classes.tolist() == [[3, 4, 1]] * 2
    assert answer.probabilities.shape == (3, 2, 3)


def test_a_path_and_its_pixels_give_the_same_answer(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(picture(RED, UNSURE)).save(path)

    for asked in (path, str(path)):
        np.testing.assert_array_equal(cars()(asked).probabilities, cars()(picture(RED, UNSURE)).probabilities)


def test_level_confidence_and_method_reach_the_decoder() -> None:
    predictor = cars()
    torn = picture((100, 90, 110))  # ground is the best leaf, car the best top class

    assert predictor(picture(UNSURE)).classes[0, 0] == 3
    assert predictor(picture(UNSURE), level=1).classes[0, 0] == 2
    assert predictor(picture(UNSURE), min_confidence=0.5).classes[0, 0] == 2
    assert predictor(picture(UNSURE), min_confidence=0.9).classes[0, 0] == 0
    assert predictor(torn).classes[0, 0] == 3
    assert predictor(torn, method="leaf").classes[0, 0] == 1


def test_the_threshold_of_the_model_decides_between_two_leaves() -> None:
    class Third:
        stride = streams = 1

        def maps(self, pictures: np.ndarray, /) -> dict[str, np.ndarray]:
            logits = np.log(np.float32([0.7, 0.3]))[None, :, None, None]
            return {"logits": np.broadcast_to(logits, (1, 2, *pictures.shape[1:3]))}

    tree = ClassTree(["ground", "crack"])

    assert Predictor(Third(), info(tree))(picture(RED)).classes[0, 0] == 1
    assert Predictor(Third(), info(tree, 0.29))(picture(RED)).classes[0, 0] == 2


def test_attributes_come_along() -> None:
    class Lit(RedIsAudi):
        def maps(self, pictures: np.ndarray, /) -> dict[str, np.ndarray]:
            return super().maps(pictures) | {"attribute_logits": np.zeros((1, 2, *pictures.shape[1:3]), np.float32)}

    tree = ClassTree({"ground": {}, "car": {"attributes": {"lit": ["yes", "no"]}, "children": ["audi", "honda"]}})

    answer = Predictor(Lit(), info(tree))(picture(RED, GREEN))

    np.testing.assert_array_equal(answer.attributes["lit"], np.full((2, 2, 2), 0.5))


def test_a_grey_picture_is_repeated_over_the_channels() -> None:
    runtime = RedIsAudi()

    Predictor(runtime, info(CARS))(np.array([[5, 200]], np.uint8))

    assert runtime.seen[0].tolist() == [[[[5] * 3, [200] * 3]]]


def test_views_with_negative_strides_reach_the_runtime_as_plain_arrays() -> None:
    runtime = RedIsAudi()
    upside_down_bgr = picture(RED, BLUE)[::-1, :, ::-1]

    answer = Predictor(runtime, info(CARS))(upside_down_bgr)

    assert runtime.seen[0].flags.c_contiguous
    assert answer.classes[0].tolist() == [1, 3]  # red as BGR is blue
    torch.tensor(runtime.seen[0])  # PyTorch refuses negative strides


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.int64),
        np.zeros((4, 4), bool),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((3, 4, 4), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
        [[1, 2], [3, 4]],
    ],
)
def test_an_array_that_is_no_picture_is_refused_with_its_shape_and_type(array: Any) -> None:
    with pytest.raises(ShapeError, match=r"must be \(H, W, 3\) or \(H, W\) uint8, got \(.*\) \w+; read files with"):
        cars()(array)


def test_what_cannot_be_answered_is_refused() -> None:
    with pytest.raises(ClassTreeError, match=r"level must be in 1..2"):
        cars()(picture(RED), level=3)
    with pytest.raises(ConfigError, match="min_confidence"):
        cars()(picture(RED), min_confidence=-0.1)
    with pytest.raises(DataError, match="does not exist"):
        cars()("none.png")


# -- a trained model ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size_hw", [(1, 1), (31, 33), (64, 64), (72, 96), (100, 7)])
def test_a_trained_model_answers_for_pictures_of_any_size(size_hw: tuple[int, int], run: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size_hw, 3), dtype=np.uint8)

    answer = load(run, device="cpu")(pixels)

    assert answer.classes.shape == size_hw
    assert answer.classes.dtype == np.uint16
    assert set(np.unique(answer.classes)) <= {1, 2}
    np.testing.assert_allclose(answer.probabilities.sum(axis=0), 1.0, atol=1e-5)


def test_smalta_load_takes_the_folder_or_the_file_in_it(run: Path, discs: Path) -> None:
    path = discs / "val" / "images" / "p100.png"

    answers = [smalta.load(model)(path) for model in (run, str(run), run / "model.safetensors")]

    assert all(np.array_equal(answer.probabilities, answers[0].probabilities) for answer in answers)
    assert answers[0].classes.shape == cv2.imread(str(path)).shape[:2]


def test_a_loaded_model_knows_its_classes_threshold_and_history(run: Path) -> None:
    predictor = load(run)

    assert [node.path for node in predictor.tree] == ["ground", "disc"]
    assert predictor.threshold is not None
    assert predictor.facts["settings"]["steps"] == 10
    assert predictor.facts["splits"] == {"train": 4, "val": 2}


@pytest.mark.parametrize("name", ["none", "none.safetensors", "."])
def test_a_model_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist; name a folder that `smalta train --out` made"):
        load(tmp_path / name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused(run: Path) -> None:
    with pytest.raises(ModelError, match="PyTorch finds no CUDA device here; use --device cpu"):
        load(run, device="cuda")


def test_without_pytorch_the_sentence_says_what_to_install(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(ModelError, match=r"PyTorch, which is not installed; run `pip install 'smalta\[train\]'`"):
        load(run)
