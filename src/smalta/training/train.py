"""`smalta train` as a function: from a folder of labelled pictures to a folder with a model.

In:  a data set's path, a run's path, settings.
Out: the run's folder, and where its model lies.

Must not know: how progress is shown, command lines.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.check import check_errors_only
from smalta.data.checks.finding import counted, listed
from smalta.data.dataset import Dataset
from smalta.data.fingerprint import Fingerprint, measure
from smalta.description.kinds import OBJECT_KINDS
from smalta.description.run_folder import MODEL_FILE
from smalta.errors import ConfigError, DataError, ModelError, TrainingError
from smalta.model.encoder import load_imagenet_weights
from smalta.model.network import Network
from smalta.plan.machine import free_memory, this_machine
from smalta.plan.plan_file import write_plan
from smalta.system.allocator import keep_large_blocks
from smalta.system.whole_files import write_bytes
from smalta.training.checkpoint import STATE_FILE
from smalta.training.loop import Trainer
from smalta.training.losses import TreeLoss, balanced_weights
from smalta.training.observer import Log, Observer, Silent
from smalta.training.sampling import draw_weights
from smalta.training.schedule import Budget
from smalta.training.settings import Recipe, TrainSettings, decide, kind_of
from smalta.training.sharpening import readable_nodes
from smalta.training.training_plan import network_config, plan_training, stored_plan, with_measured, work_of
from smalta.version import __version__

SETTINGS_FILE = "settings.json"
CLASSES_FILE = "classes.yaml"
DICE_WEIGHT = 0.5
KEPT = (
    "the encoder's layers up to a quarter of the resolution keep their ImageNet weights: edges and colours are the "
    "same everywhere, and a step that trains them too takes a fifth longer"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a run left.

    Attributes:
        model: the file with the best weights.
        steps: made in all.
        best_step: after which the best weights were taken.
        measure: by which the best weights were chosen, "mIoU" or "PQ".
        validation_score: of the best weights; None where no validation pixel is labelled.
        seconds: that the run took.
        splits: pictures by split.
        notes: what a person should know.
    """

    model: Path
    steps: int
    best_step: int
    measure: str
    validation_score: float | None
    seconds: float
    splits: Mapping[str, int]
    notes: tuple[str, ...] = ()


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
        data: the data set, in any format that `open_dataset` knows.
        out: the run's folder; it must be new or empty, unless `resume`.
        settings: minutes or steps, and what else is not to be decided here. A resumed run keeps those it was started
            with; `minutes` or `steps` may be given to raise them, and `device` may be another.
        classes: the class tree or its file, instead of the data set's own.
        resume: go on with the run that `out` holds.
        observer: is told about progress.
        started: `time.monotonic()` when the program began; now if None.

    Raises:
        SmaltaError: if data, classes, settings or folder cannot be used.
    """
    started = time.monotonic() if started is None else started
    run = Path(out)
    stored = _Stored.read(run) if resume else None
    if stored is None:
        _claim(run)
    else:
        settings, classes = stored.settings_for(settings), stored.tree_for(classes)
    budget = Budget(minutes=settings.minutes, steps=settings.steps, started=started)
    keep_large_blocks()
    dataset = open_dataset(data, classes=classes, seed=settings.seed)
    watcher = observer or Silent()
    watcher.on_note(f"examining {len(dataset.entries)} pictures and their labels")  # the run's folder is still empty
    kind = kind_of(settings.kind, dataset.tree, dataset.has_instances)
    weights, notes = draw_weights(_examined(dataset), dataset.tree)
    fingerprint = measure(dataset, seed=settings.seed) if stored is None else stored.fingerprint
    free = min(free_memory(), settings.memory_bytes or sys.maxsize)
    made = stored_plan(run, settings) if resume else None
    if made is None or (made.device == "cuda" and not torch.cuda.is_available()):
        work = work_of(settings, dataset.tree, fingerprint, objects=kind[0] in OBJECT_KINDS)
        made = plan_training(work, settings, this_machine(), free)
    if made.device == "cpu":
        torch.set_num_threads(made.threads)
    recipe = decide(settings, fingerprint, free, kind, made)
    network = build_network(dataset.tree, settings, recipe.stride, objects=recipe.kind in OBJECT_KINDS)
    going_on = resume and (run / STATE_FILE).is_file()  # a run that was stopped before its first state starts again
    source = (
        load_imagenet_weights(network.encoder, settings.encoder) if settings.pretrained and not going_on else "none"
    )
    if stored is None:
        _write_run(run, dataset, settings, fingerprint, recipe, source)
        write_plan(run, made)
    log = Log(run, watcher)
    reasons = [] if going_on else [*recipe.reasons.values()]
    if network.encoder.keeps_fine_layers and not going_on:
        reasons.append(KEPT)
    for note in (*dataset.notes, *notes, *reasons):
        log.note(note)
    splits = {name: len(entries) for name, entries in dataset.splits.items()}
    facts = {
        "smalta": __version__,
        "torch": torch.__version__,
        "data": dataset.root.resolve().name,
        "splits": splits,
        "settings": settings.to_dict(),
        "weights": source if stored is None else stored.weights,
    }
    shares = fingerprint.shares(dataset.tree)
    trainer = Trainer(
        dataset,
        network,
        TreeLoss(dataset.tree, balanced_weights(dataset.tree, shares), dice=DICE_WEIGHT),
        settings=settings,
        recipe=recipe,
        budget=budget,
        run=run,
        log=log,
        weights=weights,
        readable=readable_nodes(dataset.tree, shares),
        facts=facts,
    )
    counters = trainer.run(resume=going_on)
    write_plan(run, with_measured(made, trainer.seconds))
    return TrainResult(
        model=run / MODEL_FILE,
        steps=counters.step,
        best_step=counters.best_step,
        measure="PQ" if network.config.objects else "mIoU",
        validation_score=counters.best_score if counters.best_score >= 0 else None,
        seconds=budget.elapsed,
        splits=splits,
        notes=(*dataset.notes, *notes),
    )


def build_network(tree: ClassTree, settings: TrainSettings, stride: int, *, objects: bool = False) -> Network:
    """A fresh network for a data set's classes; the same for the same seed."""
    torch.manual_seed(settings.seed)
    network = Network(network_config(settings, tree, stride, objects=objects))
    if settings.pretrained:
        network.encoder.keep_fine_layers()
    return network


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """What a run's folder says about the run that goes on there."""

    run: Path
    settings: Mapping[str, Any]
    fingerprint: Fingerprint
    weights: str
    tree: ClassTree

    @classmethod
    def read(cls, run: Path) -> Self:
        path = run / SETTINGS_FILE
        if not path.is_file():
            raise ModelError(f"{run} holds no run to resume; leave --resume away and name a new folder to start one")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            fingerprint = Fingerprint.from_dict(content["fingerprint"])
            settings, weights = dict(content["settings"]), str(content["weights"])
        except (ValueError, TypeError, KeyError) as error:
            raise ModelError(f"{path} is damaged ({error!r}); start a new run in another folder") from error
        tree = ClassTree.from_file(run / CLASSES_FILE)
        return cls(run=run, settings=settings, fingerprint=fingerprint, weights=weights, tree=tree)

    def settings_for(self, told: TrainSettings) -> TrainSettings:
        """The run's settings with the budget and the device that are told now; other changes are refused."""
        budget = {"minutes": told.minutes, "steps": told.steps}
        stated = any(value is not None for value in budget.values())
        settings = TrainSettings.from_dict({**self.settings, **(budget if stated else {}), "device": told.device})
        for name, usual in TrainSettings().to_dict().items():
            now, then = getattr(told, name), getattr(settings, name)
            if now not in (usual, then):
                raise ConfigError(
                    f"the run in {self.run} was started with {name} {then!r} and cannot go on with {now!r}; "
                    "leave that option away, or start a new run in another folder"
                )
        return settings

    def tree_for(self, told: ClassTree | str | Path | None) -> ClassTree:
        """The run's class tree; another one is refused."""
        told = ClassTree.from_file(told) if isinstance(told, str | Path) else told
        if told is not None and told != self.tree:
            raise ConfigError(
                f"the run in {self.run} was started with other classes; leave --classes away, or start a new run in "
                "another folder"
            )
        return self.tree


def _claim(run: Path) -> None:
    """Make the folder of a new run; one that holds anything is refused."""
    if run.exists() and not run.is_dir():
        raise TrainingError(f"{run} is a file; name a folder for the run with --out")
    if run.is_dir() and any(run.iterdir()):
        raise TrainingError(f"{run} is not empty; name a new folder with --out, or go on with its run by --resume")
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{run} cannot be made ({error}); name another folder with --out") from error


def _examined(dataset: Dataset) -> np.ndarray:
    """(P, N + 1) pixels per class of the training pictures; data that would teach a wrong model are refused."""
    for split in ("train", "val"):
        if not dataset.splits.get(split):
            raise DataError(
                f"{dataset.root} has no pictures in the split {split!r}; training needs some to learn from (train) "
                "and some to choose by (val)"
            )
    report = check_errors_only(dataset)
    if report.errors:
        first, others = report.errors[0], len(report.errors) - 1
        raise DataError(
            f"{dataset.root} would teach a wrong model: {first.message.rstrip('.')} ({listed(first.files, most=3)}); "
            f"{first.fix.rstrip('.')}"
            + (f"; `smalta check {dataset.root}` tells {counted(others, 'more error')}" if others else "")
        )
    return np.stack([report.pixels[entry.name] for entry in dataset.split("train")])


def _write_run(
    run: Path, dataset: Dataset, settings: TrainSettings, fingerprint: Fingerprint, recipe: Recipe, weights: str
) -> None:
    content = {
        "smalta": __version__,
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "data": str(dataset.root),
        "settings": settings.to_dict(),
        "recipe": recipe.to_dict(),
        "weights": weights,
        "fingerprint": fingerprint.to_dict(),
    }
    write_bytes(run / CLASSES_FILE, dataset.tree.to_yaml().encode())
    write_bytes(run / SETTINGS_FILE, (json.dumps(content, indent=1) + "\n").encode())
