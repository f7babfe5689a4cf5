from __future__ import annotations

import pytest
import torch

from smalta.answers.fields import HEADS
from smalta.classes import ClassTree
from smalta.description.network_config import NetworkConfig
from smalta.model.network import Network
from smalta.training.batches import Batch
from smalta.training.head_losses import HeadLoss, head_losses, total_loss
from smalta.training.losses import TreeLoss

TREE = ClassTree({"sky": {}, "car": {"kind": "thing", "attributes": {"lit": ["on", "off"]}}})


def batch_of(pictures: int) -> Batch:
    cells = (pictures, 8, 8)
    return Batch(
        pictures=torch.randint(0, 256, (pictures, 3, 32, 32), dtype=torch.uint8),
        labels=torch.randint(0, 3, (pictures, 32, 32)),
        attributes={"lit": torch.randint(0, 3, (pictures, 32, 32))},
        objects={"center": torch.rand(cells), "offsets": torch.randn(pictures, 2, 8, 8), "weights": torch.rand(cells)},
    )


def test_every_head_has_a_loss() -> None:
    assert head_losses(TREE, TreeLoss(TREE)).keys() == {head.name for head in HEADS}


def test_the_sum_reaches_every_head_and_the_parts_of_a_batch_add_up() -> None:
    torch.manual_seed(0)
    batch = batch_of(3)
    network = Network(NetworkConfig.for_tree(TREE, encoder="plain", width=12, objects=True)).eval()
    losses = head_losses(TREE, TreeLoss(TREE))
    answers = network(batch.pictures)

    whole = total_loss(losses, answers, batch, batch)
    shares = [
        total_loss(losses, network(part.pictures), part, batch)
        for part in batch.chunks(2)  # two pictures, then one
    ]

    torch.testing.assert_close(sum(shares), whole)
    of_heads = torch.autograd.grad(whole, list(answers.values()))
    assert all(gradient.any() for gradient in of_heads)


def test_a_loss_counts_with_its_weight() -> None:
    batch = batch_of(1)
    answers = {"a": torch.tensor(2.0), "b": torch.tensor(3.0)}
    losses = {name: HeadLoss(of=lambda values, part, whole: values, weight=w) for name, w in (("a", 1.0), ("b", 0.5))}

    assert total_loss(losses, answers, batch, batch).item() == 2 + 0.5 * 3
    with pytest.raises(KeyError, match="c"):
        total_loss(losses, {"c": torch.zeros(())}, batch, batch)
