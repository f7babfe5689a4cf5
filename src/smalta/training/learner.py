"""One training step: it changes the network, its optimiser, and the average of its weights.

In:  a new network, the losses, batches.
Out: the network and its average after the step.

Must not know: budgets, files, validation, how a failed step is handled.
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

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it logs its precision at every start

WEIGHT_DECAY = 0.02
MOST_GRADIENT = 5.0  # norm to which larger gradients are clipped


class Learner:
    """A network in training.

    Args:
        network: with its initial weights.
        loss: for the semantic head.
        tree: the classes.
        settings: as the user gave them.
        recipe: the decisions of the program.
        readable: nodes whose labels may become pseudo-labels of their children.

    Attributes:
        device: where it computes.
        network: the network that is trained.
        average: the same network with weights averaged over steps, for validation and for the model file.
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
        self._fabric = _fabric(recipe)
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

    def follow(self, recipe: Recipe) -> None:
        """Compute in another precision or layout from now on; weights and moments keep their values."""
        self._bf16 = recipe.bf16
        self._format = torch.channels_last if recipe.layout == "channels_last" else torch.contiguous_format
        for network in (self.network, self.average):
            network.to(memory_format=self._format)
        self._fabric = _fabric(recipe)
        self._model, self._optimizer = self._fabric.setup(self.network, self.optimizer)

    def set_rate(self, factor: float) -> None:
        """Set the learning rates to `factor` times the highest ones."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor

    def update(self, batch: Batch, parts: int) -> float:
        """One step on a batch.

        Args:
            batch: on `device`.
            parts: number of parts that run one after the other, if memory is short; batch normalisation uses the
                statistics of one part at a time.

        Returns:
            The loss. If it or its gradient is not finite, no weight changes, and the result is not finite.
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
        """Fold the frozen layers; to be called once, after the weights are loaded and before the first step."""
        self.network.encoder.fold_fine_layers()

    def forget_gradients(self) -> None:
        """Free the memory of a failed step."""
        self._optimizer.zero_grad()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    @torch.no_grad()
    def with_pseudo_labels(self, batch: Batch, parts: int) -> Batch:
        """The batch with pseudo-labels in place of coarse labels, where the averaged network is confident.

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
        """Update the average after step `step`."""
        kept, fresh = _floats(self.average), _floats(self.network)
        torch._foreach_lerp_(kept, fresh, 1 - ema_decay(step))


def _fabric(recipe: Recipe) -> Fabric:
    return Fabric(
        accelerator="gpu" if recipe.device == "cuda" else "cpu",
        devices=1,
        precision="bf16-mixed" if recipe.bf16 else "32-true",
    )


def _floats(network: nn.Module) -> list[Tensor]:
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]
