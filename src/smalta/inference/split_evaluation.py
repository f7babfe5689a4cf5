"""Evaluate a model on a labelled split.

In:  a predictor, a data set, the name of a split.
Out: the report of `smalta.metrics.evaluation`.

Must not know: how the predictor works, how scores are computed, how a report is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.dataset import Dataset
from smalta.data.sample import Entry, Sample
from smalta.description.model_info import ModelInfo
from smalta.description.training_facts import shortfall
from smalta.errors import ClassTreeError, DataError, SmaltaError
from smalta.metrics.evaluation import Evaluation
from smalta.metrics.trivial import TrivialAnswers
from smalta.metrics.true_verdicts import VerdictScores
from smalta.system.threads import map_in_order
from smalta.verdicts.rules import Rules

CLASS_FILES = ("classes.yaml", "classes.yml", "classes.txt", "config.yaml")


class Predictor(Protocol):
    """The model that `evaluate` needs."""

    @property
    def info(self) -> ModelInfo:
        """The description of the model."""
        ...

    def __call__(self, picture: np.ndarray, /) -> Segmentation:
        """The answer for a picture (H, W, 3) uint8 RGB."""
        ...


def evaluate(
    predictor: Predictor,
    dataset: Dataset,
    split: str,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    rules: Rules | None = None,
    miss: float | None = None,
) -> dict[str, Any]:
    """Predict every picture of a split and compare with its labels.

    Threads read and segment pictures, a few ahead. A picture that cannot be read is listed in the report under
    "unreadable" and excluded from all scores.

    Args:
        predictor: the model.
        dataset: the labelled pictures; its tree must hold the same classes as the model's.
        split: its name, such as "test".
        workers: number of threads.
        progress: called after each picture with the number of finished and of all pictures.
        rules: when a picture is bad, for the model's tree; None scores no verdicts.
        miss: largest share of the bad pictures to miss, 0 to 1; the threshold for it is chosen on validation pictures.

    Returns:
        The report of `Evaluation.report`, with rules also "verdicts".

    Raises:
        DataError: if the classes differ, or all pictures of the split are unreadable.
    """
    info = predictor.info
    _check_same_classes(info.tree, dataset.tree)
    entries = dataset.split(split)
    trivial = TrivialAnswers.from_facts(info.facts, info.tree)
    evaluation = Evaluation(info.tree, info.threshold, info.counting, trivial, info.presence)
    verdicts = None if rules is None else VerdictScores(rules, info.tree)
    unreadable: list[dict[str, str]] = []
    for done, (entry, found) in enumerate(_answers(predictor, dataset, entries, workers), start=1):
        if isinstance(found, DataError):
            unreadable.append({"name": entry.name, "reason": str(found)})
        else:
            sample, answer = found
            evaluation.add(sample.name, sample.classes, answer, sample.attributes, sample.instances, sample.picture)
            if verdicts is not None:
                _add(verdicts, sample, answer)
        if progress:
            progress(done, len(entries))
    if len(unreadable) == len(entries):
        reason = unreadable[0]["reason"] if unreadable else "it is empty"
        raise DataError(f"split {split!r} of {dataset.root} has no readable picture; the first reason: {reason}")
    report = evaluation.report(
        dataset=dataset.root.resolve().name, split=split, unreadable=unreadable, shortfall=shortfall(info.facts)
    )
    if verdicts is not None and rules is not None:
        chosen = None if miss is None else _chosen(predictor, dataset, split, rules, verdicts, miss, workers)
        report["verdicts"] = {**verdicts.to_dict(), "chosen": chosen}
    return report


def _answers(
    predictor: Predictor, dataset: Dataset, entries: Sequence[Entry], workers: int
) -> Iterator[tuple[Entry, tuple[Sample, Segmentation] | DataError]]:
    """Each entry with its labels and its answer, or the reason why it cannot be read."""

    def answered(entry: Entry) -> tuple[Sample, Segmentation] | DataError:
        try:
            sample = dataset.read(entry)
        except DataError as error:
            return error
        except ClassTreeError as error:  # a value that is not in the class tree
            return DataError(str(error))
        return sample, predictor(sample.picture)

    yield from zip(entries, map_in_order(answered, entries, workers), strict=True)


def _add(verdicts: VerdictScores, sample: Sample, answer: Segmentation) -> None:
    verdicts.add(sample.name, sample.classes, sample.instances, sample.attributes, answer.presence())


def _chosen(
    predictor: Predictor,
    dataset: Dataset,
    split: str,
    rules: Rules,
    evaluated: VerdictScores,
    miss: float,
    workers: int,
) -> dict[str, Any]:
    """The threshold that misses at most a share of the validation pictures, and what it does on the evaluated split."""
    validation = evaluated
    if split != "val":
        validation = VerdictScores(rules, predictor.info.tree)
        for _, found in _answers(predictor, dataset, dataset.split("val"), workers):
            if not isinstance(found, DataError):
                _add(validation, *found)
    threshold = validation.threshold(miss)
    if threshold is None:
        raise DataError(
            f"no validation picture of {dataset.root} is bad by these rules, so no threshold can be chosen; "
            "omit --miss, or add bad pictures to the split val"
        )
    return {"miss": miss, "validation": validation.at(threshold), "evaluated": evaluated.at(threshold)}


def open_for(tree: ClassTree, data: str | Path, *, seed: int = 0) -> Dataset:
    """Open labelled pictures to evaluate a model on them.

    The data set's own classes file maps the values in its masks to classes, so it is used if it names the model's
    classes. Otherwise the labels are read with the model's classes, and a note reports it.

    Args:
        tree: the model's classes.
        data: the data set's folder.
        seed: of the splits, if the data set does not state its own. Use that of the training; with another one, the
            model is evaluated on pictures that it was trained on.

    Raises:
        DataError, ClassTreeError: as `open_dataset`.
    """
    stated = next((name for name in CLASS_FILES if (Path(data) / name).is_file()), None)
    if stated is None:
        return open_dataset(data, classes=tree, seed=seed)
    own = open_dataset(data, seed=seed)
    if _questions(own.tree) == _questions(tree):
        return own
    note = f"{stated} and the model have different classes; the labels are read with the model's classes"
    try:
        dataset = open_dataset(data, classes=tree, seed=seed)
    except SmaltaError as error:
        raise DataError(f"{note}, and that fails: {error}") from error
    return replace(dataset, notes=(note, *dataset.notes))


def _check_same_classes(of_model: ClassTree, of_data: ClassTree) -> None:
    ours, theirs = [_questions(tree) for tree in (of_model, of_data)]
    if ours == theirs:
        return
    different = next((pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]), None)
    if different is None:
        different = (f"{len(ours)} classes and attributes", f"{len(theirs)}")
    raise DataError(
        f"the model and the data have different classes: {different[0]} in the model, {different[1]} in the data; "
        "read the data with the model's classes file (--classes RUN/classes.yaml)"
    )


def _questions(tree: ClassTree) -> list[str]:
    attributes = [f"attribute {a.name!r} of {tree.name(a.node)!r} ({', '.join(a.values)})" for a in tree.attributes]
    return [repr(node.path) for node in tree.nodes] + attributes
