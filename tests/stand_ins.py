"""What takes the place of a trained network in tests: no weights, no PyTorch."""

from __future__ import annotations

import numpy as np

from smalta.classes import ClassTree
from smalta.inference.predictor import Predictor
from smalta.model.info import ModelInfo, NetworkConfig

# 1 ground  2 car  3 car/audi  4 car/honda; the values are a user's own
CARS = ClassTree(
    {"ground": {"ids": [10]}, "car": {"ids": [20], "children": {"audi": {"ids": [7]}, "honda": {"ids": [3]}}}},
    ignore=[99],
)


class RedIsAudi:
    """P(audi), P(honda) and P(ground) are in the ratio of red, green and blue."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def __call__(self, pictures: np.ndarray, /) -> dict[str, np.ndarray]:
        self.seen.append(pictures)
        colours = pictures.astype(np.float32)[..., [2, 0, 1]] + 1e-3
        return {"semantic": np.moveaxis(colours / colours.sum(axis=-1, keepdims=True), -1, 1)}


def info(tree: ClassTree, threshold: float | None = None) -> ModelInfo:
    """What a network for these classes would say of itself."""
    return ModelInfo(tree=tree, network=NetworkConfig.for_tree(tree), threshold=threshold)


def cars() -> Predictor:
    """A predictor of ground, audi and honda by colour."""
    return Predictor(RedIsAudi(), info(CARS))


def picture(*columns: tuple[int, int, int]) -> np.ndarray:
    """(2, W, 3) uint8 with these colours from left to right."""
    return np.array([columns, columns], dtype=np.uint8)


RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)
UNSURE = (100, 90, 60)  # P(audi) 0.4, P(honda) 0.36, P(car) 0.76
