"""Train a network: steps, validations, checkpoints, and what to do when something goes wrong.

In:  a data set, settings, a folder.
Out: RUN/model.safetensors (the best weights by validation), RUN/last.safetensors (to go on), log and settings.

Must not know: how labels become losses, how progress is shown.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor, nn

from smalta.data.dataset import Dataset
from smalta.errors import ModelError, TrainingError
from smalta.model.info import ModelInfo
from smalta.model.network import Network
from smalta.model.paths import MODEL_FILE
from smalta.model.runtime import is_out_of_memory
from smalta.model.storage import save_model
from smalta.training.batches import Batch, Batches
from smalta.training.calibrating import calibrate_model
from smalta.training.checkpoint import load_state, save_state
from smalta.training.clock import Clock
from smalta.training.interrupts import hold_interrupts
from smalta.training.losses import AttributeLoss, TreeLoss
from smalta.training.object_losses import object_loss
from smalta.training.observer import Log, Progress
from smalta.training.optimizer import MuonAdamW
from smalta.training.schedule import (
    VALIDATIONS,
    Budget,
    ema_decay,
    learning_rate_factor,
    mean_work_left,
    view_share,
)
from smalta.training.settings import Recipe, TrainSettings
from smalta.training.sharpening import FROM, sharpen
from smalta.training.validation import MOST, Score, validate

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces its precision on every start

CHECKPOINT_SECONDS = 60.0
WEIGHT_DECAY = 0.02
VALIDATION_SHARE = 1 / 30  # of the minutes, for one validation
MOST_GRADIENT = 5.0  # norm to which larger gradients are cut


@dataclass(slots=True)
class Counters:
    """What a run counts; all of it is saved with its state."""

    step: int = 0
    best_score: float = -1.0
    best_step: int = -1
    learning_rate_scale: float = 1.0
    accumulate: int = 1
    stepped_back: bool = False
    validated_at: float = 0.0  # progress at the last validation
    validated_step: int = -1
    validation_pictures: int = MOST


class Trainer:
    """One run.

    Args:
        dataset: with the splits "train" and "val".
        network: with the weights to start from.
        loss: for the semantic head.
        settings: as told.
        recipe: as decided.
        budget: minutes or steps.
        run: the folder to write to.
        log: is told what happens.
        weights: (P,) how often each training picture is drawn.
        readable: nodes whose labels the averaged network may deepen.
        facts: about data and weights, stored with the model.
    """

    def __init__(
        self,
        dataset: Dataset,
        network: Network,
        loss: TreeLoss,
        *,
        settings: TrainSettings,
        recipe: Recipe,
        budget: Budget,
        run: Path,
        log: Log,
        weights: np.ndarray,
        readable: tuple[int, ...] = (),
        facts: dict[str, Any],
    ) -> None:
        self.dataset, self.run_folder, self.log, self.facts = dataset, run, log, facts
        self.weights, self.readable = weights, readable
        self.settings, self.recipe, self.budget = settings, recipe, budget
        self.fabric = Fabric(
            accelerator="gpu" if recipe.device == "cuda" else "cpu",
            devices=1,
            precision="bf16-mixed" if recipe.bf16 else "32-true",
        )
        self._format = torch.channels_last if recipe.layout == "channels_last" else torch.contiguous_format
        self.network = network.to(memory_format=self._format).train()
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False).to(self.fabric.device)
        optimizer = MuonAdamW(
            self.network,
            learning_rate=settings.learning_rate,
            weight_decay=WEIGHT_DECAY,
            pretrained=settings.pretrained and settings.encoder != "plain",
        )
        self.model, self.optimizer = self.fabric.setup(self.network, optimizer)
        self.loss = loss.to(self.fabric.device)
        self.attribute_loss = AttributeLoss(dataset.tree)
        self.counters = Counters()
        self.seconds_per_step = 0.0
        self._whole = True  # whether weights, average, optimiser and counters are of the same step
        self._clock = Clock(recipe.batch)

    # -- the run ----------------------------------------------------------------------------------

    def run(self, *, resume: bool) -> Counters:
        """Train to the end of the budget.

        Raises:
            TrainingError: if the loss is not finite twice, or one picture does not fit in memory.
        """
        if resume:
            self._restore()
            self.log.note(f"going on at step {self.counters.step}")
        batches = self._batches()
        try:
            self.budget.start_training()
            if not resume:
                self._save()
            self._steps(batches)
        except KeyboardInterrupt:
            if self._whole:
                self._save()
            raise
        finally:
            batches.close()
        if self.network.config.objects:
            self._calibrate()
        return self.counters

    def _calibrate(self) -> None:
        chosen = np.random.default_rng(0).permutation(len(entries := self.dataset.split("val")))
        said = calibrate_model(
            self.run_folder / MODEL_FILE,
            self.dataset,
            [entries[i] for i in chosen[: self.counters.validation_pictures]],
            device=self.recipe.device,
            bf16=self.recipe.bf16,
            seconds=math.inf if self.settings.minutes is None else self.budget.reserve,
        )
        self.log.note(said)

    @property
    def seconds(self) -> dict[str, float]:
        """Medians over the last steps, as `Clock.medians` tells them."""
        return self._clock.medians

    def _steps(self, batches: Batches) -> None:
        source = batches.start(self.counters.step)
        self._clock.restart()
        while True:
            if self._validation_due():
                self._validate()
            elif self._clock.since_checkpoint > CHECKPOINT_SECONDS:
                self._save()
            if self.budget.finished(self.counters.step, self.seconds_per_step):
                break
            batch = next(source)
            self._clock.views_made()
            with hold_interrupts():
                self._whole = False
                loss = self._step(batch.to(self.fabric.device))
                if math.isfinite(loss):
                    self.counters.step += 1
                    self._average()
                    self._whole = True
            if not math.isfinite(loss):
                self._step_back()
                source = batches.start(self.counters.step)
                continue
            self.seconds_per_step = self._clock.tick(loss)
            self._report()
        if self.counters.validated_step != self.counters.step:
            self._validate()

    def _step(self, batch: Batch) -> float:
        progress = self.budget.progress(self.counters.step)
        factor = learning_rate_factor(progress) * self.counters.learning_rate_scale
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor
        while True:
            try:
                return self._update(self._sharpened(batch) if progress >= FROM else batch)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(len(batch.labels), error)

    def _update(self, batch: Batch) -> float:
        self.optimizer.zero_grad()
        total = 0.0
        for part in batch.chunks(self.counters.accumulate):
            logits = self.model(part.pictures.contiguous(memory_format=self._format))
            loss = self.loss(logits["semantic"], part.labels, batch.labels)
            if "attributes" in logits:
                loss = loss + self.attribute_loss(
                    logits["attributes"], part.attributes, part.labels, (batch.attributes, batch.labels)
                )
            if self.network.config.objects:
                loss = loss + object_loss(logits, part.objects, batch.objects)
            total += float(loss.detach())
            if not math.isfinite(total):
                return total
            self.fabric.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), MOST_GRADIENT, foreach=True)
        if not bool(torch.isfinite(norm)):
            return math.nan
        self.optimizer.step()
        return total

    @torch.no_grad()
    def _sharpened(self, batch: Batch) -> Batch:
        """The batch with coarse labels read by the averaged network where it is sure."""
        if not self.readable:
            return batch
        coarse = torch.isin(batch.labels, torch.tensor(self.readable, device=batch.labels.device)).flatten(1).any(1)
        labels, size_hw = batch.labels.clone(), batch.labels.shape[1:]
        for rows in coarse.nonzero()[:, 0].tensor_split(self.counters.accumulate):
            if len(rows) == 0:
                continue
            with torch.autocast(self.fabric.device.type, torch.bfloat16, enabled=self.recipe.bf16):
                logits = self.average(batch.pictures[rows])["semantic"]
            logits = F.interpolate(logits.float(), size=size_hw, mode="bilinear", align_corners=False)
            labels[rows] = sharpen(labels[rows], logits, self.dataset.tree, self.readable)
        return replace(batch, labels=labels)

    # -- what can go wrong ------------------------------------------------------------------------

    def _halve(self, batch: int, error: BaseException) -> None:
        self.optimizer.zero_grad()
        if self.fabric.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.counters.accumulate >= batch:
            raise TrainingError(
                f"one view of {self.recipe.crop_hw} px does not fit in memory; use a smaller --crop or --width"
            ) from error
        self.counters.accumulate = min(self.counters.accumulate * 2, batch)
        self.log.note(
            f"out of memory: each step of {batch} pictures is now made in {self.counters.accumulate} parts; "
            "it stays one step, but batch normalisation sees a part at a time"
        )

    def _step_back(self) -> None:
        if self.counters.stepped_back:
            raise TrainingError(
                f"the loss became infinite or undefined again at step {self.counters.step}, at half the learning rate; "
                f"look at the pictures and labels with `smalta check`, or lower --learning-rate "
                f"(now {self.settings.learning_rate:g})"
            )
        broken = self.counters.step
        self._restore(keep_clock=True)
        self.counters.stepped_back = True
        self.counters.learning_rate_scale *= 0.5
        self._whole = True
        self._save()
        self._clock.restart()
        self.log.note(
            f"the loss was not finite at step {broken}: back to step {self.counters.step} with half the learning rate"
        )

    # -- between steps ----------------------------------------------------------------------------

    @torch.no_grad()
    def _average(self) -> None:
        decay = ema_decay(self.counters.step)
        kept, fresh = _floats(self.average), _floats(self.network)
        torch._foreach_lerp_(kept, fresh, 1 - decay)

    def _validation_due(self) -> bool:
        step = self.counters.step
        if step in (0, self.counters.validated_step):
            return False
        if self.settings.steps is not None:
            return step % math.ceil(self.settings.steps / VALIDATIONS) == 0 and step < self.settings.steps
        return self.budget.progress(step) - self.counters.validated_at >= self._pause

    @property
    def _pause(self) -> float:
        """Progress between validations: so much that they take at most a tenth of the run."""
        total = 60 * (self.settings.minutes or 1)
        return max(1 / VALIDATIONS, 10 * self.budget.reserve / total)

    def _validate(self) -> None:
        started = time.monotonic()
        entries = self.dataset.split("val")
        score = validate(
            self.average,
            self.dataset,
            entries,
            device=self.recipe.device,
            bf16=self.recipe.bf16,
            most=self.counters.validation_pictures,
            seconds=math.inf if self.settings.minutes is None else 60 * self.settings.minutes * VALIDATION_SHARE,
        )
        if score.n_pictures < min(len(entries), self.counters.validation_pictures):
            self.counters.validation_pictures = score.n_pictures
            self.log.note(
                f"validation looks at {score.n_pictures} of {len(entries)} pictures, so that it leaves time to train"
            )
        better = (
            not score.best_by <= self.counters.best_score
        )  # also where the score is undefined: then the newest is kept
        if better:
            self.counters.best_score = score.best_by if math.isfinite(score.best_by) else -1.0
            self.counters.best_step = self.counters.step
            save_model(self.run_folder / MODEL_FILE, self.average.state_dict(), self._info(score))
        self.counters.validated_step = self.counters.step
        self.counters.validated_at = self.budget.progress(self.counters.step)
        self.log.validation(
            self.counters.step,
            score.measure,
            score.best_by,
            better,
            miou=score.miou,
            level=score.level,
            iou=score.ious,
            threshold=score.threshold,
            seconds=round(time.monotonic() - started, 2),
            elapsed=round(self.budget.elapsed, 1),
        )
        self._save()
        # a last validation; and calibration, which takes longer
        looks = 3.5 if self.network.config.objects else 1.1
        self.budget.reserve = looks * (time.monotonic() - started) + 0.5
        self._clock.restart()

    def _info(self, score: Score) -> ModelInfo:
        facts = self.facts | {
            "step": self.counters.step,
            "seconds": round(self.budget.elapsed, 1),
            "validation_miou": score.miou if math.isfinite(score.miou) else None,
        }
        if math.isfinite(score.quality):
            facts["validation_pq"] = score.quality
        return ModelInfo(
            tree=self.dataset.tree,
            network=self.network.config,
            kind=self.recipe.kind,
            threshold=score.threshold,
            facts=facts,
        )

    def _report(self) -> None:
        if not self._clock.report_due:
            return
        loss, rate = self._clock.take()
        done = self.budget.progress(self.counters.step)
        per_step = self.seconds_per_step * mean_work_left(done, self.recipe.first_view)
        self.log.progress(
            Progress(
                step=self.counters.step,
                done=done,
                loss=loss,
                pictures_per_second=rate,
                seconds_left=self.budget.seconds_left(self.counters.step, per_step),
            )
        )

    # -- state ------------------------------------------------------------------------------------

    def _save(self) -> None:
        counters: dict[str, Any] = {name: getattr(self.counters, name) for name in Counters.__slots__}
        counters |= {
            "elapsed": self.budget.elapsed,
            "training_started": self.budget.training_started,
            "reserve": self.budget.reserve,
        }
        optimizer = cast(torch.optim.Optimizer, self.optimizer.optimizer)
        save_state(self.run_folder, self.network, self.average, optimizer, counters)
        self._clock.saved()

    def _restore(self, *, keep_clock: bool = False) -> None:
        optimizer = cast(torch.optim.Optimizer, self.optimizer.optimizer)
        found = load_state(self.run_folder, self.network, self.average, optimizer)
        try:
            self.counters = Counters(**{name: found[name] for name in Counters.__slots__})
        except KeyError as error:
            raise ModelError(
                f"the state in {self.run_folder} lacks {error}: another version of smalta wrote it; start a new run"
            ) from error
        if not keep_clock:
            self.budget.resume(elapsed=found["elapsed"], training_started=found["training_started"])
            self.budget.reserve = found["reserve"]
            # a budget that was raised makes the last validation lie further back
            self.counters.validated_at = min(self.counters.validated_at, self.budget.progress(self.counters.step))

    def _batches(self) -> Batches:
        return Batches(
            self.dataset,
            self.dataset.split("train"),
            self.weights,
            self.recipe.crop_hw,
            batch=self.recipe.batch,
            config=self.recipe.augment,
            seed=self.settings.seed,
            cache_bytes=self.recipe.cache_bytes,
            ahead=self.recipe.ahead,
            object_stride=self.recipe.stride if self.network.config.objects else None,
            share=self._view_share,
        )

    def _view_share(self, step: int) -> float:
        """The first step has full views, so that what does not fit in memory is found at once."""
        return 1.0 if step == 0 else view_share(self.budget.progress(step), self.recipe.first_view)


def _floats(network: nn.Module) -> list[Tensor]:
    tensors: Iterator[Tensor] = iter([*network.parameters(), *network.buffers()])
    return [tensor.detach() for tensor in tensors if tensor.is_floating_point()]
