"""Measure a model on labelled pictures.

In:  a model, a data set, the name of a split.
Out: the report of `smalta.metrics.evaluation`.

Must not know: how predictions and scores are made, command lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from smalta.api.answering import planned, rules_for
from smalta.api.limits import limits_of
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.dataset import Dataset
from smalta.description.kinds import OBJECT_KINDS
from smalta.errors import ConfigError, ModelError
from smalta.inference.opened import OpenedModel, open_model
from smalta.inference.split_evaluation import evaluate as evaluate_split
from smalta.inference.split_evaluation import open_for
from smalta.results.options import OutputOptions
from smalta.runtimes.registry import AUTO
from smalta.verdicts.rules import Rules


def evaluate(
    model: str | Path | OpenedModel,
    data: str | Path | Dataset,
    *,
    split: str = "test",
    classes: ClassTree | str | Path | None = None,
    seed: int | None = None,
    device: str = AUTO,
    good: Rules | str | Path | None = None,
    miss: float | None = None,
    scale: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Measure a model on a labelled split, as `smalta evaluate` does.

    Args:
        model: a run folder, the `model.safetensors` in it, or a `.onnx` file of `smalta export`.
        data: the labelled pictures, or their folder. Its classes must be the model's.
        split: "train", "val" or "test".
        classes: a class tree or its file, instead of the data set's own.
        seed: of the splits that smalta makes; None for that of the training, so that test pictures stay test pictures.
        device: "auto", "cpu" or "cuda".
        good: rules that say when a picture is bad, or their file; verdicts are then compared with those by the labels.
        miss: largest share of the bad pictures to miss, 0 to 1; the threshold for it is chosen on the split val.
        scale: size of a pixel, such as "0.05 mm/px", for rules in mm.
        progress: called after each picture with the number of finished and of all pictures.
        note: called with each note about the data.

    Returns:
        The report as plain data; docs/evaluation.md explains each key.

    Raises:
        SmaltaError: if the model or the data cannot be used, or their classes differ.

    Example:
        >>> report = evaluate("run", "scenes")
        >>> report["n_pictures"], report["headline"][0]["measure"]
        (2, 'accuracy')
    """
    opened = open_model(model)
    rules = rules_for(good, scale)
    if rules is not None:
        rules = rules.for_tree(opened.info.tree, objects=opened.info.kind in OBJECT_KINDS)
    if miss is not None and (rules is None or not 0 <= miss < 1):
        raise ConfigError(f"--miss is {100 * miss:g} %; it needs rules (--good), and must lie from 0 to below 100 %")
    if isinstance(data, Dataset):
        dataset = data
    else:
        seed = _seed_of(opened) if seed is None else seed
        if classes is None:
            dataset = open_for(opened.info.tree, data, seed=seed)
        else:
            dataset = open_dataset(data, classes=classes, seed=seed)
    if note is not None:
        for sentence in dataset.notes:
            note(sentence)
    pictures = [entry.picture for entry in dataset.split(split)]
    predictor = planned(opened, pictures, limits_of(device=device), OutputOptions(outputs={"probabilities"}))
    workers = predictor.runtime.streams + 1
    return evaluate_split(predictor, dataset, split, workers=workers, progress=progress, rules=rules, miss=miss)


def _seed_of(model: OpenedModel) -> int:
    """The seed of a model's training; 0 if the model does not state it."""
    settings = model.info.facts.get("settings", {})
    seed = settings.get("seed", 0) if isinstance(settings, Mapping) else None
    if not isinstance(seed, int):
        raise ModelError(
            f"{model.path} states the seed {seed!r}, which is not a whole number; set that of the training with --seed"
        )
    return seed
