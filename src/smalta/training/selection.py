"""Validate at intervals, and keep the best weights.

In:  the averaged network of a run, its counters and its budget.
Out: RUN/model.safetensors, replaced if a validation scores better; events in the log; counters of validations.

Must not know: how weights are learned, states for --resume.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, replace

import numpy as np

from smalta.description.model_info import ModelInfo
from smalta.description.run_folder import MODEL_FILE
from smalta.model.network import Network
from smalta.model.storage import save_model
from smalta.training.calibrating import LEAST as LEAST_TO_CALIBRATE
from smalta.training.calibrating import calibrate_model
from smalta.training.counters import Counters
from smalta.training.job import Job
from smalta.training.observer import Log
from smalta.training.parts import CALIBRATION as CALIBRATING
from smalta.training.parts import VALIDATION, Parts
from smalta.training.recipe import Recipe
from smalta.training.schedule import VALIDATIONS, Budget
from smalta.training.validation import LEAST, MOST, Score, validate

VALIDATION_SHARE = 1 / 30  # of the minutes, for one validation
CALIBRATION_SHARE = 1 / 15  # of the minutes, for the calibration
ALL_SHARE = 1 / 10  # of the run, for all its validations
LEAST_BETWEEN = 10  # steps between validations of a run in minutes: fewer change too little
# before the first validation its time is estimated: a picture costs a third of its share of a training step (the pass
# forward, without gradients), and half as much again for reading and scoring
FORWARD, SCORING = 1 / 3, 1.5
CALIBRATION = 3.0  # seconds for the thresholds of objects, relative to a validation of the same pictures


class Selection:
    """The choice of a run's best weights.

    Args:
        job: the run.
        budget: of the run, for time and progress.
        log: records validations.
        parts: of the run.
    """

    def __init__(self, job: Job, budget: Budget, log: Log, parts: Parts) -> None:
        self._job, self._budget, self._log, self._parts = job, budget, log, parts
        self._limit = math.inf if job.settings.minutes is None else 60 * job.settings.minutes
        self._picture_seconds: float | None = None  # of the last validation

    def follow(self, recipe: Recipe) -> None:
        """Validate with another precision from now on."""
        self._job = replace(self._job, recipe=recipe)

    def due(self, counters: Counters, step_seconds: float) -> bool:
        """Whether a validation is due; all validations together take at most about a tenth of a run in minutes.

        Args:
            counters: of the run.
            step_seconds: of a step of full crops, measured or planned.
        """
        step, steps = counters.step, self._job.settings.steps
        if step in (0, counters.validated_step):
            return False
        if self._job.settings.minutes is None and steps is not None:
            return step % math.ceil(steps / VALIDATIONS) == 0 and step < steps
        if step - max(counters.validated_step, 0) < LEAST_BETWEEN:
            return False
        length = self._budget.elapsed + self._budget.seconds_left(step, step_seconds)
        pause = max(1 / VALIDATIONS, self.validation_seconds(counters, step_seconds) / (ALL_SHARE * length))
        return self._budget.progress(step) - counters.validated_at >= pause

    def validation_seconds(self, counters: Counters, step_seconds: float) -> float:
        """Expected seconds of the next validation; arguments as for `due`."""
        return self._seconds_of(counters.validation_pictures, step_seconds, VALIDATION_SHARE, LEAST)

    def ending_seconds(self, counters: Counters, step_seconds: float) -> float:
        """Expected seconds after the last step: a validation, calibration, files; arguments as for `due`."""
        seconds = self.validation_seconds(counters, step_seconds)
        times = CALIBRATION if self._job.objects else 1
        seconds += times * self._seconds_of(MOST, step_seconds, CALIBRATION_SHARE / times, LEAST_TO_CALIBRATE)
        return 1.1 * seconds + 0.5

    def _seconds_of(self, most: int, step_seconds: float, share: float, least: int) -> float:
        """Seconds to validate at most so many pictures, until a share of the minutes is used, and at least some."""
        each = self._picture_seconds
        if each is None:
            recipe = self._job.recipe
            pixels = math.prod(self._job.picture_hw) / math.prod(recipe.crop_hw)
            each = SCORING * FORWARD * step_seconds / recipe.batch * pixels
        pictures = min(len(self._job.dataset.split("val")), most)
        return min(pictures * each, max(share * self._limit, min(least, pictures) * each))

    def look(self, network: Network, counters: Counters) -> None:
        """Validate a network, keep it if it is the best so far, and log both.

        Args:
            network: the average after `counters.step` steps.
            counters: those of validations are updated.
        """
        started, step = time.monotonic(), counters.step
        self._parts.begin(VALIDATION)
        score = self._score(network, counters)
        self._picture_seconds = (time.monotonic() - started) / max(score.n_pictures, 1)
        # of equal scores the newest weights are kept, such as of panoptic qualities of 0; so are those without a score
        better = not score.best_by < counters.best_score
        if better:
            counters.best_score = score.best_by if math.isfinite(score.best_by) else -1.0
            counters.best_step = step
            counters.best_trivial = score.trivial
            save_model(self._job.run / MODEL_FILE, network.state_dict(), self._info(score, step))
        counters.validated_step, counters.validated_at = step, self._budget.progress(step)
        self._log.validation(
            step,
            score.measure,
            score.best_by,
            better,
            score.trivial,
            miou=score.miou,
            level=score.level,
            iou=score.ious,
            threshold=score.threshold,
            seconds=round(time.monotonic() - started, 2),
            elapsed=round(self._budget.elapsed, 1),
        )

    def _score(self, network: Network, counters: Counters) -> Score:
        """The score of as many pictures as the time allows; `counters` gets their number."""
        entries = self._job.dataset.split("val")
        score = validate(
            network,
            self._job.dataset,
            entries,
            device=self._job.recipe.device,
            bf16=self._job.recipe.bf16,
            most=counters.validation_pictures,
            seconds=VALIDATION_SHARE * self._limit,
            trivial=self._job.trivial,
            progress=self._parts.move,
        )
        if score.n_pictures < min(len(entries), counters.validation_pictures):
            counters.validation_pictures = score.n_pictures
            self._log.note(
                f"validation uses {score.n_pictures} of {len(entries)} pictures, which leaves more time for training"
            )
        return score

    def _info(self, score: Score, step: int) -> ModelInfo:
        """The description of the weights after a step."""
        facts = {
            **self._job.facts,
            "step": step,
            "seconds": round(self._budget.elapsed, 1),
            "validation_miou": score.miou if math.isfinite(score.miou) else None,
        }
        if math.isfinite(score.quality):
            facts["validation_pq"] = score.quality
        if score.trivial is not None:
            facts["validation_trivial"] = asdict(score.trivial)
        return ModelInfo(
            tree=self._job.dataset.tree,
            network=self._job.network.config,
            kind=self._job.recipe.kind,
            threshold=score.threshold,
            facts=facts,
        )

    def calibrate(self) -> None:
        """Write how sure presence is, the grouping rule and the errors of counts into the best model."""
        self._parts.begin(CALIBRATING)
        entries = self._job.dataset.split("val")
        chosen = np.random.default_rng(0).permutation(len(entries))[:MOST]  # those of validations first
        said = calibrate_model(
            self._job.run / MODEL_FILE,
            self._job.dataset,
            [entries[i] for i in chosen],
            device=self._job.recipe.device,
            bf16=self._job.recipe.bf16,
            seconds=max(self._limit - self._budget.elapsed, CALIBRATION_SHARE * self._limit),
            progress=self._parts.move,
        )
        self._log.detail(said)
