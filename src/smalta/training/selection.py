"""Validate at intervals, and keep the best weights.

In:  the averaged network of a run, its counters and its budget.
Out: RUN/model.safetensors, replaced if a validation scores better; events in the log; counters of validations.

Must not know: how weights are learned, states for --resume.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict

import numpy as np

from smalta.description.model_info import ModelInfo
from smalta.description.run_folder import MODEL_FILE
from smalta.model.network import Network
from smalta.model.storage import save_model
from smalta.training.calibrating import calibrate_model
from smalta.training.counters import Counters
from smalta.training.job import Job
from smalta.training.observer import Log
from smalta.training.schedule import VALIDATIONS, Budget
from smalta.training.validation import Score, validate

VALIDATION_SHARE = 1 / 30  # of the minutes, for one validation


class Selection:
    """The choice of a run's best weights.

    Args:
        job: the run.
        budget: of the run, for time and progress.
        log: records validations.
    """

    def __init__(self, job: Job, budget: Budget, log: Log) -> None:
        self._job, self._budget, self._log = job, budget, log
        self._minutes = job.settings.minutes

    def due(self, counters: Counters) -> bool:
        """Whether a validation is due."""
        step, steps = counters.step, self._job.settings.steps
        if step in (0, counters.validated_step):
            return False
        if steps is not None:
            return step % math.ceil(steps / VALIDATIONS) == 0 and step < steps
        return self._budget.progress(step) - counters.validated_at >= self._pause

    @property
    def _pause(self) -> float:
        """Progress between validations: large enough that they take at most a tenth of the run."""
        return max(1 / VALIDATIONS, 10 * self._budget.reserve / (60 * (self._minutes or 1)))

    def look(self, network: Network, counters: Counters) -> None:
        """Validate a network, keep it if it is the best so far, and log both.

        Args:
            network: the average after `counters.step` steps.
            counters: those of validations are updated.
        """
        started, step = time.monotonic(), counters.step
        score = self._score(network, counters)
        better = not score.best_by <= counters.best_score  # true for an undefined score too: then the newest is kept
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
            seconds=math.inf if self._minutes is None else 60 * self._minutes * VALIDATION_SHARE,
            trivial=self._job.trivial,
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

    def calibrate(self, counters: Counters) -> None:
        """Write the grouping rule and the errors of counts into the best model."""
        entries = self._job.dataset.split("val")
        chosen = np.random.default_rng(0).permutation(len(entries))[: counters.validation_pictures]
        said = calibrate_model(
            self._job.run / MODEL_FILE,
            self._job.dataset,
            [entries[i] for i in chosen],
            device=self._job.recipe.device,
            bf16=self._job.recipe.bf16,
            seconds=math.inf if self._minutes is None else self._budget.reserve,
        )
        self._log.note(said)
