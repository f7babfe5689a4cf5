"""Train a network: steps, validations, checkpoints, and what to do when something goes wrong.

In:  a data set, settings, a folder.
Out: RUN/model.safetensors (the best weights by validation), RUN/last.safetensors (to go on), log and settings.

Must not know: how labels become losses, how progress is shown.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smalta.data.dataset import Dataset
from smalta.description.model_info import ModelInfo
from smalta.description.run_folder import MODEL_FILE
from smalta.errors import ModelError, TrainingError
from smalta.model.network import Network
from smalta.model.storage import save_model
from smalta.model.torch_runtime import is_out_of_memory
from smalta.training.batches import Batch, Batches
from smalta.training.calibrating import calibrate_model
from smalta.training.checkpoint import load_state, save_state
from smalta.training.clock import Clock
from smalta.training.interrupts import hold_interrupts
from smalta.training.learner import Learner
from smalta.training.losses import TreeLoss
from smalta.training.observer import Log, Progress
from smalta.training.schedule import VALIDATIONS, Budget, learning_rate_factor, mean_work_left, view_share
from smalta.training.settings import Recipe, TrainSettings
from smalta.training.sharpening import FROM
from smalta.training.validation import MOST, Score, validate

CHECKPOINT_SECONDS = 60.0
VALIDATION_SHARE = 1 / 30  # of the minutes, for one validation


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
        self.weights = weights
        self.settings, self.recipe, self.budget = settings, recipe, budget
        self.learner = Learner(network, loss, dataset.tree, settings=settings, recipe=recipe, readable=readable)
        self.objects = network.config.objects
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
        self.learner.weights_are_in_place()
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
        if self.objects:
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
                loss = self._step(batch.to(self.learner.device))
                if math.isfinite(loss):
                    self.counters.step += 1
                    self.learner.average_weights(self.counters.step)
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
        self.learner.set_rate(learning_rate_factor(progress) * self.counters.learning_rate_scale)
        while True:
            parts = self.counters.accumulate
            try:
                return self.learner.update(self.learner.sharpened(batch, parts) if progress >= FROM else batch, parts)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(len(batch.labels), error)

    # -- what can go wrong ------------------------------------------------------------------------

    def _halve(self, batch: int, error: BaseException) -> None:
        self.learner.forget_gradients()
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
            self.learner.average,
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
            save_model(self.run_folder / MODEL_FILE, self.learner.average.state_dict(), self._info(score))
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
        looks = 4.0 if self.objects else 1.1
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
            network=self.learner.network.config,
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
        learner = self.learner
        save_state(self.run_folder, learner.network, learner.average, learner.optimizer, counters)
        self._clock.saved()

    def _restore(self, *, keep_clock: bool = False) -> None:
        learner = self.learner
        found = load_state(self.run_folder, learner.network, learner.average, learner.optimizer)
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
            object_stride=self.recipe.stride if self.objects else None,
            share=self._view_share,
        )

    def _view_share(self, step: int) -> float:
        """The first step has full views, so that what does not fit in memory is found at once."""
        return 1.0 if step == 0 else view_share(self.budget.progress(step), self.recipe.first_view)
