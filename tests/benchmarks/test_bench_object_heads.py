from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench.object_heads import Fields, fields_by, further_targets, nowhere_a_border, objects_of, with_heads, within

from smalta.answers.grouping import GroupingRule
from smalta.description.network_config import NetworkConfig
from smalta.training.targets import UNKNOWN

IS_THING = np.array([False, False, True])  # 1 ground, 2 disc
RULE = GroupingRule(ridge=1.0)


def test_borders_lie_between_two_objects_and_sizes_are_roots_of_areas() -> None:
    instances = np.zeros((32, 48), np.int32)
    instances[:, 8:24], instances[:, 24:40] = 1, 2
    classes = np.where(instances > 0, 2, 1)
    classes[:, :4] = 0

    found = further_targets(classes, instances, IS_THING, 2)

    assert np.flatnonzero(found.border[8] == 1).tolist() == [11, 12]  # within two pixels of both, so not to the ground
    assert (found.border[:, :2] == UNKNOWN).all()
    assert np.exp(found.size[8, 6]) == pytest.approx((2 * 8 * 2 * 16) ** 0.5)
    assert (further_targets(classes, None, IS_THING, 2).border == UNKNOWN).all()


def two_peaks(border: float, size: float) -> Fields:
    center = np.zeros((11, 40), np.float32)
    center[2:9, 2:9], center[2:9, 27:34] = 0.9, 0.5
    edge = np.zeros_like(center)
    edge[:, 18] = border
    still = np.zeros((2, 11, 40), np.float32)
    return Fields(np.ones((11, 40)), center, still, np.full_like(center, size), edge, np.ones((11, 40), int))


@pytest.mark.parametrize(
    ("border", "criterion", "objects"),
    [
        (0.5, None, 2),
        (0.5, nowhere_a_border(0.3), 2),
        (0.2, nowhere_a_border(0.3), 1),
        (0.5, within(0.4), 2),
        (0.5, within(0.6), 1),
    ],
)
def test_a_criterion_takes_the_place_of_the_ridge(border: float, criterion: object, objects: int) -> None:
    found = objects_of(two_peaks(border, size=50.0), RULE, criterion)  # type: ignore[arg-type]

    assert found.max() == objects


def test_the_network_answers_with_two_fields_more() -> None:
    import torch

    from smalta.model.network import Network

    with with_heads():
        network = Network(NetworkConfig(n_leaves=2, objects=True, encoder="plain", width=12))
        logits = network(torch.zeros(2, 3, 32, 64))

    assert {name: tuple(values.shape) for name, values in logits.items()} == {
        "semantic": (2, 2, 8, 16),
        "center": (2, 1, 8, 16),
        "offsets": (2, 2, 8, 16),
        "size": (2, 1, 8, 16),
        "border": (2, 1, 8, 16),
    }


def test_a_training_learns_both_heads_and_its_fields_are_read(tmp_path: Path) -> None:
    from smalta.data.any_format import open_dataset
    from smalta.scenes import write_scenes
    from smalta.training.settings import TrainSettings
    from smalta.training.train import train

    data = write_scenes(tmp_path / "data", n_train=2, n_val=1, n_test=1, size_hw=(64, 96))
    settings = TrainSettings(steps=2, encoder="plain", pretrained=False, device="cpu", batch=2, crop=64, width=12)

    with with_heads():
        train(data, tmp_path / "run", settings)
        (found,) = fields_by(tmp_path / "run", open_dataset(data))

    assert found.size.shape == found.border.shape == found.center.shape
    assert np.log(found.size).mean() == pytest.approx(3.0, abs=0.5)  # as they begin; two steps do not lead far
    assert found.border.max() < 0.5
