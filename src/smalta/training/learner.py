"""One training step: it changes the network, its optimiser, and the average of its weights.

In:  a fresh network, the losses, batches.
Out: the network and its average, a step further.

Must not know: budgets, files, validation, what happens when a step fails.
"""

from __future__ import annotations

import copy
import logging
import math
from dataclasses import replace
from typing import cast

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor, nn

from smalta.answers.fields import SEMANTIC
from smalta.classes import ClassTree
from smalta.model.network import Network
from smalta.training.batches import Batch
from smalta.training.head_losses import head_losses, total_loss
from smalta.training.losses import TreeLoss
from smalta.training.optimizer import MuonAdamW
from smalta.training.pseudo_labels import deepen
from smalta.training.recipe import Recipe
from smalta.training.schedule import ema_decay
from smalta.training.settings import TrainSettings

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces its precision on every start

WEIGHT_DECAY = 0.02
MOST_GRADIENT = 5.0  # norm to which larger gradients are cut


class Learner:
    """A network that learns.

    Args:
        network: with the weights to start from.
        loss: for the semantic head.
        tree: the classes.
        settings: as the user gave them.
        recipe: as decided.
        readable: nodes whose labels the averaged network may deepen.

    Attributes:
        device: where it computes.
        network: what learns.
        average: its weights, averaged over steps: what validates and answers.
        losses: of all heads that a network may have, by name of the head.
        optimizer: of the network's weights.
    """

    def __init__(
        self,
        network: Network,
        loss: TreeLoss,
        tree: ClassTree,
        *,
        settings: TrainSettings,
        recipe: Recipe,
        readable: tuple[int, ...] = (),
    ) -> None:
        self._fabric = Fabric(
            accelerator="gpu" if recipe.device == "cuda" else "cpu",
            devices=1,
            precision="bf16-mixed" if recipe.bf16 else "32-true",
        )
        self.device = self._fabric.device
        self._tree, self._readable, self._bf16 = tree, readable, recipe.bf16
        self._format = torch.channels_last if recipe.layout == "channels_last" else torch.contiguous_format
        self.network = network.to(memory_format=self._format).train()
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False).to(self.device)
        optimizer = MuonAdamW(
            self.network,
            learning_rate=settings.learning_rate,
            weight_decay=WEIGHT_DECAY,
            pretrained=settings.pretrained and settings.encoder != "plain",
        )
        self._model, self._optimizer = self._fabric.setup(self.network, optimizer)
        self.optimizer = cast(torch.optim.Optimizer, self._optimizer.optimizer)
        self.losses = head_losses(tree, loss.to(self.device))

    def set_rate(self, factor: float) -> None:
        """Learning rates from here on: `factor` times the highest ones."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor

    def update(self, batch: Batch, parts: int) -> float:
        """One step on a batch.

        Args:
            batch: on `device`.
            parts: how many, one after the other, where memory is short; batch normalisation sees a part at a time.

        Returns:
            The loss. If it or its gradient is not finite, no weight has moved, and the returned number is not finite.
        """
        self._optimizer.zero_grad()
        total = 0.0
        for part in batch.chunks(parts):
            answers = self._model(part.pictures.contiguous(memory_format=self._format))
            loss = total_loss(self.losses, answers, part, batch)
            total += float(loss.detach())
            if not math.isfinite(total):
                return total
            self._fabric.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), MOST_GRADIENT, foreach=True)
        if not bool(torch.isfinite(norm)):
            return math.nan
        self._optimizer.step()
        return total

    def weights_are_in_place(self) -> None:
        """Call this once before the first step: it folds the layers whose weights stay."""
        self.network.encoder.fold_fine_layers()

    def forget_gradients(self) -> None:
        """Free the memory of a step that failed half way."""
        self._optimizer.zero_grad()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    @torch.no_grad()
    def with_pseudo_labels(self, batch: Batch, parts: int) -> Batch:
        """The batch with coarse labels read by the averaged network where it is sure.

        Args:
            batch, parts: as in `update`.
        """
        if not self._readable:
            return batch
        coarse = torch.isin(batch.labels, torch.tensor(self._readable, device=batch.labels.device)).flatten(1).any(1)
        labels, size_hw = batch.labels.clone(), batch.labels.shape[1:]
        for rows in coarse.nonzero()[:, 0].tensor_split(parts):
            if len(rows) == 0:
                continue
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16):
                logits = self.average(batch.pictures[rows])[SEMANTIC]
            logits = F.interpolate(logits.float(), size=size_hw, mode="bilinear", align_corners=False)
            labels[rows] = deepen(labels[rows], logits, self._tree, self._readable)
        return replace(batch, labels=labels)

    @torch.no_grad()
    def average_weights(self, step: int) -> None:
        """Let the average follow after step `step`."""
        kept, fresh = _floats(self.average), _floats(self.network)
        torch._foreach_lerp_(kept, fresh, 1 - ema_decay(step))


def _floats(network: nn.Module) -> list[Tensor]:
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]
