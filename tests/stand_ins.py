"""What takes the place of a trained network in tests: no weights, no PyTorch."""

from __future__ import annotations

import cv2
import numpy as np

from smalta.answers.count_intervals import CountCalibration
from smalta.classes import ClassTree
from smalta.description.kinds import Kind
from smalta.description.model_info import ModelInfo
from smalta.description.network_config import NetworkConfig
from smalta.inference.predictor import Predictor

# 1 ground  2 car  3 car/audi  4 car/honda; the values are a user's own
CARS = ClassTree(
    {"ground": {"ids": [10]}, "car": {"ids": [20], "children": {"audi": {"ids": [7]}, "honda": {"ids": [3]}}}},
    ignore=[99],
)


class RedIsAudi:
    """P(audi), P(honda) and P(ground) are in the ratio of red, green and blue."""

    stride = streams = 1

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def maps(self, pictures: np.ndarray, /) -> dict[str, np.ndarray]:
        self.seen.append(pictures)
        colours = pictures.astype(np.float32)[..., [2, 0, 1]] + 1e-3
        return {"logits": np.ascontiguousarray(np.moveaxis(np.log(colours), -1, 1))}


def info(tree: ClassTree, threshold: float | None = None) -> ModelInfo:
    """What a network for these classes would say of itself."""
    return ModelInfo(tree=tree, network=NetworkConfig.for_tree(tree), threshold=threshold)


def cars() -> Predictor:
    """A predictor of ground, audi and honda by colour."""
    return Predictor(RedIsAudi(), info(CARS))


# 1 lawn  2 path  3 ball  4 ball/red  5 ball/green
BALLS = ClassTree({"lawn": {}, "path": {}, "ball": {"kind": "thing", "children": ["red", "green"]}}, ignore=[255])


class EveryBlobIsABall:
    """Connected pixels of red or green are one ball, all else is lawn; the heads are as sure as can be."""

    stride = streams = 1

    def maps(self, pictures: np.ndarray, /) -> dict[str, np.ndarray]:
        height, width = pictures.shape[1:3]
        red, green = (pictures[..., channel] > 200 for channel in (0, 1))
        semantic = np.stack([~(red | green), np.zeros_like(red), red, green], axis=1)
        center = np.zeros((len(pictures), 1, height, width), np.float32)
        offsets = np.zeros((len(pictures), 2, height, width), np.float32)
        for field, way, balls in zip(center, offsets, red | green, strict=True):
            count, labels, _, middles_xy = cv2.connectedComponentsWithStats(balls.astype(np.uint8))
            middles = np.rint(middles_xy[:, ::-1]).astype(int)
            for number in range(1, count):
                field[0, middles[number, 0], middles[number, 1]] = 1.0
            way[:] = (middles[labels] - np.moveaxis(np.indices((height, width)), 0, -1)).transpose(2, 0, 1)
        return {"logits": 100 * semantic.astype(np.float32), "center": center, "offsets": offsets}


def balls(kind: Kind = "panoptic", counting: CountCalibration | None = None) -> Predictor:
    """A predictor of balls on a lawn."""
    network = NetworkConfig.for_tree(BALLS, objects=True)
    return Predictor(EveryBlobIsABall(), ModelInfo(tree=BALLS, network=network, kind=kind, counting=counting))


def picture(*columns: tuple[int, int, int]) -> np.ndarray:
    """(2, W, 3) uint8 with these colours from left to right."""
    return np.array([columns, columns], dtype=np.uint8)


RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)
UNSURE = (100, 90, 60)  # P(audi) 0.4, P(honda) 0.36, P(car) 0.76
