"""Choose the test pictures that show most of what an example is about.

In:  a data set, names of classes.
Out: entries.

Must not know: models, any one example.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smalta.data.dataset import Dataset
from smalta.data.sample import Entry


def with_most(dataset: Dataset, names: Sequence[str], most: int) -> list[Entry]:
    """At most `most` test pictures, those first in which the rarest of some classes covers most pixels.

    A class includes the classes below it.
    """
    tree, entries = dataset.tree, dataset.split("test")
    nodes = [tree[name].id for name in names]
    shown = [
        int(tree.roll_up(np.bincount(sample.classes.ravel(), minlength=len(tree) + 1))[nodes].min())
        for sample in dataset.read_many(entries)
    ]
    return [entries[i] for i in np.argsort(shown, kind="stable")[::-1][:most]]
