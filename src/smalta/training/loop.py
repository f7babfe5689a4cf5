"""Train a network: steps, states for --resume, and recovery from failures.

In:  a job, its budget, a log.
Out: RUN/last.safetensors (the state for --resume), and through `Selection` RUN/model.safetensors (the best weights).

Must not know: how labels become losses, how weights are chosen, how progress is shown.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

from smalta.errors import TrainingError
from smalta.model.torch_runtime import is_out_of_memory
from smalta.planning.plan_file import write_plan
from smalta.system.interrupts import hold_interrupts
from smalta.training import counters as counting
from smalta.training.batches import Batch, Batches
from smalta.training.checkpoint import load_state, save_state
from smalta.training.clock import Clock
from smalta.training.counters import Counters
from smalta.training.job import Job
from smalta.training.learner import Learner
from smalta.training.observer import Log, Progress, Silent
from smalta.training.parts import STEPS, Parts
from smalta.training.plan_watch import PlanWatch, work_of_step
from smalta.training.pseudo_labels import FROM
from smalta.training.schedule import VALIDATIONS, Budget, crop_share, learning_rate_factor, mean_work_left
from smalta.training.selection import Selection
from smalta.training.spare_cores import SpareCores

CHECKPOINT_SECONDS = 60.0


class Trainer:
    """One run.

    Args:
        job: data, recipe and network of the run.
        budget: minutes or steps.
        log: records events.
        parts: of the run; None if nobody asks for them.
    """

    def __init__(self, job: Job, budget: Budget, log: Log, parts: Parts | None = None) -> None:
        self.job, self.budget, self.log = job, budget, log
        self.parts = parts or Parts(budget.started, Silent())
        self.learner = Learner(
            job.network,
            job.loss,
            job.dataset.tree,
            settings=job.settings,
            recipe=job.recipe,
            readable=job.readable,
        )
        self.selection = Selection(job, budget, log, self.parts)
        self.watch = PlanWatch(job.plan, log, job.replan)
        self._spare = SpareCores(job.plan.threads if job.plan.device == "cpu" else 0, log)
        self.counters = Counters()
        self.seconds_per_step = job.plan.predicted_seconds  # until steps are measured
        self.first_step = 0  # that this process makes
        self._full_seconds: list[float] = []  # of the last steps, if they had full crops
        self._whole = True  # whether weights, average, optimiser and counters are of the same step
        self._clock = Clock(job.recipe.batch)

    # -- the run ----------------------------------------------------------------------------------

    def run(self, *, resume: bool) -> Counters:
        """Train to the end of the budget.

        Raises:
            TrainingError: if the loss is not finite twice, or one picture does not fit in memory.
            ModelError: if the stored state is damaged, or belongs to another network or version.
        """
        if resume:
            self._restore()
            self.first_step = self.counters.step
            self.log.note(f"resuming at step {self.counters.step}")
        self.learner.weights_are_in_place()
        batches = self._batches()
        try:
            self.budget.start_training()
            self._expect_the_end()
            if not resume:
                self._save()
            self._steps(batches)
        except KeyboardInterrupt:
            if self._whole:
                self._save()
            raise
        finally:
            batches.close()
        self.selection.calibrate()
        return self.counters

    @property
    def seconds(self) -> dict[str, float]:
        """Medians over the last steps, as `Clock.medians` gives them."""
        return self._clock.medians

    def _steps(self, batches: Batches) -> None:
        source = batches.start(self.counters.step)
        self.parts.begin(STEPS)
        self._clock.restart()
        while True:
            if self.selection.due(self.counters, self._full_step_seconds):
                self._validate()
            elif self._clock.since_checkpoint > CHECKPOINT_SECONDS:
                self._save()
                self._look_at_the_plan()
            if self.budget.finished(self.counters.step, self.seconds_per_step):
                break
            batch = next(source)
            self._clock.crops_made()
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
            share = batch.pictures.shape[-1] / self.job.recipe.crop_hw[1]
            self.watch.add(self._clock.last_seconds, share)
            self._spare.look()
            self._full_seconds = [*self._full_seconds[-20:], self._clock.last_seconds / work_of_step(share)]
            self._expect_the_end()
            self._report()
        if self.counters.validated_step != self.counters.step:
            self._validate()

    def _step(self, batch: Batch) -> float:
        """The loss of a step; if it is not finite, no weight has changed."""
        progress = self.budget.progress(self.counters.step)
        self.learner.set_rate(learning_rate_factor(progress) * self.counters.learning_rate_scale)
        while True:
            parts = self.counters.accumulate
            try:
                if progress >= FROM:
                    return self.learner.update(self.learner.with_pseudo_labels(batch, parts), parts)
                return self.learner.update(batch, parts)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(len(batch.labels), error)

    # -- failures ---------------------------------------------------------------------------------

    def _halve(self, batch: int, error: BaseException) -> None:
        """Split the steps into twice as many parts."""
        self.learner.forget_gradients()
        if self.counters.accumulate >= batch:
            raise TrainingError(
                f"one crop of {self.job.recipe.crop_hw} px does not fit in memory; use a smaller --crop or --width"
            ) from error
        self.counters.accumulate = min(self.counters.accumulate * 2, batch)
        self.log.note(
            f"out of memory: each step of {batch} pictures now runs in {self.counters.accumulate} parts; it stays one "
            "step, but batch normalisation uses one part at a time"
        )

    def _step_back(self) -> None:
        """Go back to the last state with half the learning rate; raise TrainingError the second time."""
        if self.counters.stepped_back:
            raise TrainingError(
                f"the loss became infinite or undefined again at step {self.counters.step}, at half the learning rate; "
                f"check the pictures and labels with `smalta check`, or lower --learning-rate "
                f"(now {self.job.settings.learning_rate:g})"
            )
        broken = self.counters.step
        self._restore(keep_clock=True)
        self.counters.stepped_back = True
        self.counters.learning_rate_scale *= 0.5
        self._whole = True
        self._save()
        self._clock.restart()
        self.log.note(
            f"the loss was not finite at step {broken}; training continues from step {self.counters.step} with half "
            "the learning rate"
        )

    # -- between steps ----------------------------------------------------------------------------

    def _validate(self) -> None:
        self.selection.look(self.learner.average, self.counters)
        self._save()
        self._expect_the_end()
        self.parts.begin(STEPS)
        self._look_at_the_plan()

    def _look_at_the_plan(self) -> None:
        """At a quiet moment, follow another plan if this one was made for a machine that is not this one."""
        plan = self.watch.between_steps()
        if plan is not None:
            recipe = replace(self.job.recipe, bf16=plan.precision == "bf16", layout=plan.layout)
            self.job = replace(self.job, recipe=recipe, plan=plan)
            self.learner.follow(recipe)
            self.selection.follow(recipe)
            write_plan(self.job.run, plan)
        self._clock.restart()

    @property
    def _full_step_seconds(self) -> float:
        """Seconds of a step of full crops, from those of the last steps; as planned before the first one."""
        return statistics.median(self._full_seconds) if self._full_seconds else self.job.plan.predicted_seconds

    def _expect_the_end(self) -> None:
        """Keep time for the work after the last step."""
        self.budget.reserve = self.selection.ending_seconds(self.counters, self._full_step_seconds)

    def _report(self) -> None:
        if not self._clock.report_due:
            return
        loss, rate = self._clock.take()
        done = self.budget.progress(self.counters.step)
        per_step = self.seconds_per_step * mean_work_left(done, self.job.recipe.first_view)
        if self.job.settings.steps is not None:
            looks = VALIDATIONS * self.selection.validation_seconds(self.counters, self._full_step_seconds)
            per_step += looks / self.job.settings.steps
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
        learner, numbers = self.learner, counting.to_dict(self.counters, self.budget.spent)
        save_state(self.job.run, learner.network, learner.average, learner.optimizer, numbers)
        self._clock.saved()

    def _restore(self, *, keep_clock: bool = False) -> None:
        learner = self.learner
        found = load_state(self.job.run, learner.network, learner.average, learner.optimizer)
        self.counters, spent = counting.from_dict(found, f"the state in {self.job.run}")
        if not keep_clock:
            self.budget.resume(spent)
            # with a larger budget the last validation lies at a smaller progress
            self.counters.validated_at = min(self.counters.validated_at, self.budget.progress(self.counters.step))

    def _batches(self) -> Batches:
        job = self.job
        return Batches(
            job.dataset,
            job.dataset.split("train"),
            job.draw_weights,
            job.recipe.crop_hw,
            batch=job.recipe.batch,
            config=job.recipe.augment,
            seed=job.settings.seed,
            cache_bytes=job.recipe.cache_bytes,
            ahead=job.recipe.ahead,
            object_stride=job.recipe.stride if job.objects else None,
            share=self._crop_share,
        )

    def _crop_share(self, step: int) -> float:
        """Share of a step's crops. The first step has full crops, so that a lack of memory shows at once."""
        return 1.0 if step == 0 else crop_share(self.budget.progress(step), self.job.recipe.first_view)
