"""Words and rows about counts, for the examples that count.

In:  the report of `evaluate`, a model, pictures.
Out: counts with their intervals as text.

Must not know: any one example.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from smalta.answers.objects import Objects
from smalta.data.dataset import Dataset
from smalta.data.sample import Sample
from smalta.inference.predictor import Predictor
from smalta.metrics.node_counts import node_counts


def true_count(sample: Sample) -> int:
    """Labelled objects of a sample."""
    return 0 if sample.instances is None else len(np.setdiff1d(sample.instances, 0))


def with_interval(predictor: Predictor, objects: Objects, node: str) -> str:
    """The count of a class with its interval, such as "23 (90 %: 21 to 25)"; without one if the model has none."""
    counts = node_counts(predictor.tree, objects.classes)
    number, found = int(counts[predictor.tree[node].id]), predictor.info.counting
    if found is None or found.shortage is not None:
        return str(number)
    low, high = (ends[0, predictor.tree[node].id] for ends in found.intervals(predictor.tree, counts[None]))
    return str(number) if high < 0 else f"{number} ({found.coverage:.0%}: {low} to {high})"


def count_line(report: Mapping[str, Any], dataset: Dataset, node: str, plural: str) -> str:
    """Mean error of the counts of the test pictures, beside that of always saying the mean count of training."""
    row = next(row for row in report["counts"]["nodes"] if row["class"] == node)
    usual = float(np.mean([true_count(sample) for sample in dataset.read_many(dataset.split("train"))]))
    trivial = np.mean([abs(true_count(sample) - round(usual)) for sample in dataset.read_many(dataset.split("test"))])
    f1 = next(r["value"] for r in report["headline"] if (r["scope"], r["measure"]) == ("objects, IoU 0.5", "f1"))
    return (
        f"{row['predicted']} of {row['true']} {plural} counted on {report['n_pictures']} unseen pictures, "
        f"error {row['mae']:.1f} per picture (always saying {round(usual)}: {trivial:.1f}); F1 of objects {f1:.2f}"
    )
