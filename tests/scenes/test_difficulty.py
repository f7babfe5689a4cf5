"""Scenes cannot be solved by colour alone."""

from __future__ import annotations

import numpy as np

from smalta.scenes import generate, scene_tree
from smalta.scenes.vehicles import MAKES


def _cells(picture: np.ndarray) -> np.ndarray:
    """(H, W) cell of each pixel's colour among 16 x 16 x 16."""
    red, green, blue = np.moveaxis(picture.astype(int) // 16, -1, 0)
    return (red * 16 + green) * 16 + blue


def _iou(truth: np.ndarray, answer: np.ndarray, n: int) -> np.ndarray:
    confusion = np.bincount(truth * n + answer, minlength=n * n).reshape(n, n)
    union = confusion.sum(0) + confusion.sum(1) - np.diag(confusion)
    return np.diag(confusion)[union > 0] / union[union > 0]


def test_colour_alone_cannot_tell_the_classes() -> None:
    tree = scene_tree("mixed")
    n = len(tree) + 1
    counts = np.zeros((16**3, n))
    for seed in range(60):
        sample = generate("mixed", seed, (96, 128))
        np.add.at(counts, (_cells(sample.picture), sample.classes), 1.0)
    counts[:, [0, *tree.inner]] = 0
    # the rule of Bayes for each cell of colours; once with the classes as frequent as they are, once balanced
    likely = counts.argmax(axis=1)
    balanced = (counts / np.maximum(counts.sum(axis=0), 1)).argmax(axis=1)

    truth, by_frequency, by_shade = [], [], []
    for seed in range(1000, 1030):
        sample = generate("mixed", seed, (96, 128))
        labelled = sample.classes > 0
        truth.append(sample.classes[labelled].astype(int))
        by_frequency.append(likely[_cells(sample.picture)[labelled]])
        by_shade.append(balanced[_cells(sample.picture)[labelled]])

    for answer in (by_frequency, by_shade):
        assert _iou(np.concatenate(truth), np.concatenate(answer), n).mean() < 0.2


def test_the_mean_colour_of_a_car_does_not_tell_its_make() -> None:
    tree = scene_tree("parking")
    first = tree["vehicle/car/arden"].id

    def cars(seeds: range) -> tuple[np.ndarray, np.ndarray]:
        colors, makes = [], []
        for seed in seeds:
            sample = generate("parking", seed, (96, 128))
            for number in range(1, sample.instances.max() + 1):
                inside = sample.instances == number
                make = int(sample.classes[inside][0]) - first
                if 0 <= make < len(MAKES):
                    colors.append(sample.picture[inside].mean(axis=0))
                    makes.append(make)
        return np.array(colors), np.array(makes)

    (known, makes), (asked, truth) = cars(range(40)), cars(range(500, 520))
    nearest = np.linalg.norm(asked[:, None] - known[None], axis=2).argsort(axis=1)[:, :9]
    votes = np.stack([(makes[nearest] == make).sum(axis=1) for make in range(len(MAKES))], axis=1)

    assert len(truth) > 150
    assert (votes.argmax(axis=1) == truth).mean() < 0.5  # chance is a third
