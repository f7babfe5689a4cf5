"""A class that a network does not know gets a first answer from its labels, and the rest stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from smalta.classes import ClassTree
from smalta.description.network_config import NetworkConfig
from smalta.model.network import Network
from smalta.training.batches import Batch
from smalta.training.first_answers import LEAST_PIXELS, fit_new_answers

TREE = ClassTree({"ground": {"children": ["grass", "sand"]}, "fire": {}})
FIRE = 2  # place among the leaves


def batch(*, red: bool = True) -> Batch:
    """Grey noise; a fifth of each picture is red and labelled as fire, or all is labelled as ground."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(90, 130, (4, 3, 64, 64)).astype(np.uint8)
    labels = np.full((4, 64, 64), TREE["ground"].id)
    if red:
        pictures[:, 0, 10:40, 20:48], pictures[:, 1:, 10:40, 20:48] = 230, 20
        labels[:, 10:40, 20:48] = TREE["fire"].id
    labels[:, :, 60:] = 0
    return Batch(pictures=torch.from_numpy(pictures), labels=torch.from_numpy(labels), attributes={}, objects={})


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return Network(NetworkConfig.for_tree(TREE, encoder="plain", stride=2, width=12)).train()


@torch.no_grad()
def test_a_new_class_is_found_at_once_and_the_others_keep_their_logits(network: Network) -> None:
    crops = batch()
    before = network.eval()(crops.pictures)["semantic"]
    network.train()

    assert fit_new_answers(network, TREE, [FIRE], [crops]) == [FIRE]

    assert network.training
    after = network.eval()(crops.pictures)["semantic"]
    torch.testing.assert_close(after[:, :FIRE], before[:, :FIRE])
    is_fire = (crops.labels == TREE["fire"].id)[:, ::2, ::2]
    found = after.argmax(dim=1) == FIRE
    assert (found & is_fire).sum() / (found | is_fire).sum() > 0.5


@torch.no_grad()
def test_a_class_with_few_labels_keeps_its_weights(network: Network) -> None:
    before = {name: values.clone() for name, values in network.state_dict().items()}

    assert fit_new_answers(network, TREE, [FIRE], [batch(red=False)]) == []

    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())
    assert LEAST_PIXELS > 0


@torch.no_grad()
def test_pixels_that_may_be_of_the_class_are_no_evidence_against_it(network: Network) -> None:
    tree = ClassTree({"ground": {}, "hot": {"children": ["fire", "lava"]}})
    crops = batch()
    labels = torch.where(crops.labels == TREE["fire"].id, tree["hot"].id, tree["ground"].id)
    labels[:, 20:30, 20:48] = tree["fire"].id
    crops = Batch(pictures=crops.pictures, labels=labels, attributes={}, objects={})
    torch.manual_seed(0)
    wide = Network(NetworkConfig.for_tree(tree, encoder="plain", stride=2, width=12))

    assert fit_new_answers(wide, tree, [1], [crops]) == [1]

    found = wide.eval()(crops.pictures)["semantic"].argmax(dim=1) == 1
    hot = (labels == tree["hot"].id)[:, ::2, ::2]  # as red as the fire, labelled at a coarser level
    assert found[hot].float().mean() > 0.5
