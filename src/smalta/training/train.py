"""`smalta train` as a function: from a folder of labelled pictures to a folder with a model.

    settings, folder --run_files--> a new run, or a resumed one
    labelled pictures --_examine--> _Data: kind, draw weights, fingerprint
    + the machine's plan --_decide--> _Decision: plan, recipe
    + initial weights --_build--> Job: network, loss
    --loop.Trainer--> RUN/model.safetensors

In:  a data set's path, a run's path, settings.
Out: the run's folder, and the path of its model.

Must not know: how progress is shown, command lines.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.check import check_errors_only
from smalta.data.checks.finding import counted, listed
from smalta.data.dataset import Dataset
from smalta.data.fingerprint import Fingerprint, measure
from smalta.description import training_facts
from smalta.description.kinds import OBJECT_KINDS, Kind
from smalta.description.run_folder import MODEL_FILE, STATE_FILE
from smalta.errors import DataError
from smalta.metrics.trivial import FACT, TrivialScore
from smalta.model.network import Network
from smalta.planning.machine import Machine, this_machine
from smalta.planning.plan import Plan
from smalta.planning.plan_file import write_plan
from smalta.system.allocator import keep_large_blocks
from smalta.system.load import free_memory
from smalta.training.checkpoint import add_facts
from smalta.training.counters import Counters
from smalta.training.enough_steps import enough_minutes, enough_steps
from smalta.training.first_lines import first_lines
from smalta.training.initial import following, some_crops, start_from
from smalta.training.job import Job
from smalta.training.loop import Trainer
from smalta.training.losses import TreeLoss, balanced_weights
from smalta.training.observer import Log, Observer, Silent
from smalta.training.parts import BUILD, CHECK, MEASURE, PLAN, STEPS, VALIDATION, Parts
from smalta.training.pseudo_labels import readable_nodes
from smalta.training.recipe import Recipe, decide, kind_of
from smalta.training.run_files import StoredRun, claim, write_run
from smalta.training.sampling import draw_weights
from smalta.training.schedule import Budget
from smalta.training.settings import TrainSettings
from smalta.training.training_plan import network_config, plan_training, stored_plan, with_measured, work_of
from smalta.version import __version__

DICE_WEIGHT = 0.5
KEPT = (
    "the encoder's layers up to a quarter of the resolution keep their initial weights: edges and colours are the "
    "same in all pictures, and a step that also trains these layers takes a fifth longer"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    """Labelled pictures after their check.

    Attributes:
        dataset: with pictures for training and for validation.
        kind: of the model's answers, and the reason.
        draw_weights: (P,) how often each training picture is drawn.
        fingerprint: of the training pictures.
        notes: messages for the user about them.
    """

    dataset: Dataset
    kind: tuple[Kind, str]
    draw_weights: np.ndarray
    fingerprint: Fingerprint
    notes: tuple[str, ...]

    @property
    def splits(self) -> dict[str, int]:
        """Pictures by split."""
        return {name: len(entries) for name, entries in self.dataset.splits.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    """How the run is done: the plan follows from the machine, the recipe also from the data.

    `replan` gives the plan for another machine, with the same device and batch.
    """

    plan: Plan
    recipe: Recipe
    replan: Callable[[Machine], Plan]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """The result of a run.

    Attributes:
        model: the file with the best weights.
        steps: number of steps.
        best_step: step of the best weights.
        measure: by which the best weights were chosen, "mIoU" or "PQ".
        validation_score: of the best weights; None if no validation pixel is labelled.
        trivial: the best trivial answer by the same measure, on the same pictures; None if it is not known.
        seconds: duration of the run.
        splits: pictures by split.
        enough_steps: that do for such data; None for a run that starts from a model, which needs fewer.
        enough_minutes: that would do for them on this machine; None as above.
        minutes: that the run was given; None for a run in steps.
        parts: seconds by part of the run, such as "steps" and "validation".
    """

    model: Path
    steps: int
    best_step: int
    measure: str
    validation_score: float | None
    trivial: TrivialScore | None
    seconds: float
    splits: Mapping[str, int]
    enough_steps: int | None
    enough_minutes: int | None
    minutes: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Any]:
        """What the model states about its training when that is over."""
        return {
            training_facts.STEPS: self.steps,
            training_facts.ENOUGH_STEPS: self.enough_steps,
            training_facts.ENOUGH_MINUTES: self.enough_minutes,
            "run_seconds": round(self.seconds, 1),
        }


def train(
    data: str | Path,
    out: str | Path,
    settings: TrainSettings,
    *,
    classes: ClassTree | str | Path | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    started: float | None = None,
) -> TrainResult:
    """Train a model on a folder of labelled pictures.

    Args:
        data: the data set, in any format that `open_dataset` reads.
        out: the run's folder; it must be new or empty, unless `resume`.
        settings: minutes or steps, and all other settings that smalta should not decide. A resumed run keeps its
            settings; only `minutes` or `steps` may be raised, and `device` may change.
        classes: the class tree or its file, instead of the data set's own.
        resume: whether to continue the run in `out`.
        observer: receives progress.
        started: `time.monotonic()` at the start of the program; None for now.

    Raises:
        SmaltaError: if data, classes, settings or folder cannot be used.

    Example:
        >>> settings = TrainSettings(steps=2, encoder="plain", width=12, crop=64, batch=2)
        >>> train("scenes", "another_run", settings).steps
        2
    """
    started = time.monotonic() if started is None else started
    run, watcher = Path(out), observer or Silent()
    stored = StoredRun.read(run) if resume else None
    if stored is None:
        settings = following(settings)
        claim(run)
    else:
        settings, classes = stored.settings_for(settings), stored.tree_for(classes)
    budget = Budget(minutes=settings.minutes, steps=settings.steps, started=started)
    keep_large_blocks()
    parts = Parts(started, watcher)
    parts.begin(CHECK)
    examined = _examine(open_dataset(data, classes=classes, seed=settings.seed), settings, stored, parts)
    parts.begin(PLAN)
    decision = _decide(run, settings, examined, stored)
    parts.begin(BUILD)
    # a run that stopped before its first saved state starts again
    going_on = stored is not None and (run / STATE_FILE).is_file()
    job = _build(run, settings, examined, decision, stored, fresh=not going_on)
    if stored is None:
        write_run(run, examined.dataset, settings, examined.fingerprint, decision.recipe, job.facts)
        write_plan(run, decision.plan)
    log = Log(run, watcher)
    log.start(first_lines(job, examined.notes))
    for text in (*examined.notes, *([] if going_on else _reasons(job))):
        log.detail(text)
    trainer = Trainer(job, budget, log, parts)
    counters = trainer.run(resume=going_on)
    write_plan(run, with_measured(trainer.watch.plan, trainer.seconds))
    log.time(parts.seconds)
    result = _result(job, counters, budget, parts, made=counters.step - trainer.first_step)
    add_facts(result.model, result.facts)
    return result


def build_network(tree: ClassTree, settings: TrainSettings, stride: int, *, objects: bool = False) -> Network:
    """A new network for a data set's classes; the same for the same seed."""
    torch.manual_seed(settings.seed)
    network = Network(network_config(settings, tree, stride, objects=objects))
    if settings.pretrained:
        network.encoder.keep_fine_layers()
    return network


# -- the steps of a training, in their order ----------------------------------------------------------


def _examine(dataset: Dataset, settings: TrainSettings, stored: StoredRun | None, parts: Parts) -> _Data:
    """Check all labels, and refuse data with errors; then measure the pictures."""
    kind = kind_of(settings.kind, dataset.tree, dataset.has_instances)
    weights, notes = draw_weights(_pixels(dataset, parts), dataset.tree)
    parts.begin(MEASURE)
    return _Data(
        dataset=dataset,
        kind=kind,
        draw_weights=weights,
        fingerprint=stored.fingerprint if stored else measure(dataset, seed=settings.seed, progress=parts.move),
        notes=(*dataset.notes, *notes),
    )


def _pixels(dataset: Dataset, parts: Parts) -> np.ndarray:
    """(P, N + 1) pixels per class of the training pictures, if they have no errors."""
    for split in ("train", "val"):
        if not dataset.splits.get(split):
            raise DataError(
                f"{dataset.root} has no pictures in the split {split!r}; training needs pictures for learning (train) "
                "and for validation (val)"
            )
    report = check_errors_only(dataset, progress=parts.move)
    if report.errors:
        first, others = report.errors[0], len(report.errors) - 1
        raise DataError(
            f"{dataset.root} would teach a wrong model: {first.message.rstrip('.')} ({listed(first.files, most=3)}); "
            f"{first.fix.rstrip('.')}"
            + (f"; `smalta check {dataset.root}` reports {counted(others, 'more error')}" if others else "")
        )
    return np.stack([report.pixels[entry.name] for entry in dataset.split("train")])


def _decide(run: Path, settings: TrainSettings, data: _Data, stored: StoredRun | None) -> _Decision:
    """Plan the run on this machine; a resumed run keeps its plan if the device still exists."""
    free = min(free_memory(), settings.memory_bytes or sys.maxsize)
    objects = data.kind[0] in OBJECT_KINDS

    def planned(machine: Machine, wanted: TrainSettings = settings) -> Plan:
        work = work_of(wanted, data.dataset.tree, data.fingerprint, objects=objects)
        return plan_training(work, wanted, machine, free)

    plan = None if stored is None else stored_plan(run, settings)
    if plan is None or (plan.device == "cuda" and not torch.cuda.is_available()):
        plan = planned(this_machine())
    kept = replace(settings, device=plan.device, batch=plan.batch)
    return _Decision(
        plan=plan,
        recipe=decide(settings, data.fingerprint, free, data.kind, plan),
        replan=lambda machine: planned(machine, kept),
    )


def _build(
    run: Path, settings: TrainSettings, data: _Data, decision: _Decision, stored: StoredRun | None, *, fresh: bool
) -> Job:
    """Build the network and its loss; a `fresh` network gets ImageNet weights if the settings allow it."""
    recipe, tree = decision.recipe, data.dataset.tree
    if decision.plan.device == "cpu":
        torch.set_num_threads(decision.plan.threads)
    network = build_network(tree, settings, recipe.stride, objects=recipe.kind in OBJECT_KINDS)
    source, initial = ("none", {}) if stored is None else (stored.weights, stored.initial)
    if fresh and settings.initial is not None:
        crops = some_crops(data.dataset, data.draw_weights, recipe, seed=settings.seed)
        source, initial = "model", start_from(settings.initial, network, tree, crops)
    elif fresh and settings.pretrained:
        source = network.encoder.load_imagenet_weights()
    shares, trivial = data.fingerprint.shares(tree), data.fingerprint.trivial(tree)
    return Job(
        run=run,
        dataset=data.dataset,
        settings=settings,
        recipe=recipe,
        plan=decision.plan,
        replan=decision.replan,
        network=network,
        loss=TreeLoss(tree, balanced_weights(tree, shares), dice=DICE_WEIGHT),
        draw_weights=data.draw_weights,
        readable=readable_nodes(tree, shares),
        facts={
            "smalta": __version__,
            "torch": torch.__version__,
            "data": data.dataset.root.resolve().name,
            "splits": data.splits,
            training_facts.PICTURE_HW: [data.fingerprint.height[1], data.fingerprint.width[1]],
            "settings": settings.to_dict() | ({"initial": initial["model"]} if initial else {}),
            "weights": source,
            FACT: trivial.to_dict(),
            **({"initial": initial} if initial else {}),
        },
        trivial=trivial,
        picture_hw=(data.fingerprint.height[1], data.fingerprint.width[1]),
    )


def _reasons(job: Job) -> list[str]:
    """The reasons of the run's decisions, as sentences."""
    kept = [KEPT] if job.network.encoder.keeps_fine_layers else []
    taken = job.facts["initial"]["notes"] if "initial" in job.facts else []
    return [*job.recipe.reasons.values(), *taken, *kept]


def _result(job: Job, counters: Counters, budget: Budget, parts: Parts, *, made: int) -> TrainResult:
    """The result; this process made some of the steps, whose time tells how long enough steps take."""
    seconds = parts.seconds
    stepping = seconds.get(STEPS, 0.0) + seconds.get(VALIDATION, 0.0)
    n_train = len(job.dataset.split("train"))
    enough = None if job.settings.initial else enough_steps(n_train, job.recipe.batch)
    minutes = None
    if enough is not None:
        minutes = enough_minutes(enough, max(made, 1), stepping=stepping, other=sum(seconds.values()) - stepping)
    return TrainResult(
        model=job.run / MODEL_FILE,
        steps=counters.step,
        best_step=counters.best_step,
        measure="PQ" if job.objects else "mIoU",
        validation_score=counters.best_score if counters.best_score >= 0 else None,
        trivial=counters.best_trivial,
        seconds=budget.elapsed,
        splits={name: len(entries) for name, entries in job.dataset.splits.items()},
        enough_steps=enough,
        enough_minutes=minutes,
        minutes=job.settings.minutes,
        parts=seconds,
    )
