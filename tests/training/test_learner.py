"""One step of the network, and the average of its weights."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from smalta.training.head_losses import HeadLoss
from tiny_runs import make_trainer


def test_a_step_whose_loss_is_not_finite_moves_no_weight(discs: Path, tmp_path: Path) -> None:
    trainer = make_trainer(discs, tmp_path)
    trainer.learner.losses["semantic"] = HeadLoss(of=lambda logits, *_: logits.sum() * math.inf)
    before = [parameter.clone() for parameter in trainer.learner.network.parameters()]

    assert not math.isfinite(trainer.learner.update(next(trainer._batches().start(0)), 1))

    assert all(torch.equal(a, b) for a, b in zip(before, trainer.learner.network.parameters(), strict=True))


def test_a_gradient_that_is_not_finite_moves_no_weight(discs: Path, tmp_path: Path) -> None:
    trainer = make_trainer(discs, tmp_path)
    trainer.learner.losses["semantic"] = HeadLoss(of=lambda logits, *_: (logits.float() * 0).abs().sqrt().sum())
    before = [parameter.clone() for parameter in trainer.learner.network.parameters()]

    assert math.isnan(
        trainer.learner.update(next(trainer._batches().start(0)), 1)
    )  # the slope of a root at 0 is infinite

    assert all(torch.equal(a, b) for a, b in zip(before, trainer.learner.network.parameters(), strict=True))


def test_the_average_follows_weights_and_running_statistics_by_its_decay(discs: Path, tmp_path: Path) -> None:
    trainer = make_trainer(discs, tmp_path)
    names = ("semantic.weight", "encoder.stages.0.1.running_mean")
    with torch.no_grad():
        for name in names:
            trainer.learner.network.state_dict()[name].fill_(1.0)
            trainer.learner.average.state_dict()[name].fill_(0.0)

    trainer.learner.average_weights(20)

    #                                        decay (1 - 1 / 21)^17 = 0.436
    for name in names:
        torch.testing.assert_close(trainer.learner.average.state_dict()[name].mean().item(), 1 - (20 / 21) ** 17)
        assert (trainer.learner.network.state_dict()[name] == 1).all()


def test_a_step_in_parts_has_the_gradients_of_the_whole_batch(discs: Path, tmp_path: Path) -> None:
    gradients = []
    for parts in (1, 3):
        trainer = make_trainer(discs, tmp_path / str(parts), batch=4)
        batch = next(trainer._batches().start(0))
        batch.labels[0, 8:] = 0  # parts of different numbers of labelled pixels
        trainer.learner.update(batch, parts)
        gradients.append(
            torch.cat([p.grad.ravel() for p in trainer.learner.network.parameters() if p.grad is not None])
        )

    assert gradients[0].abs().max() > 1e-4
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-5)
