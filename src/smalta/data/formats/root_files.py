"""Files at the root of a data set that every format uses: `classes.yaml`, `groups.txt` and `kinds.txt`.

In:  the folder; the entries that its format finds there.
Out: the class tree that the user states; splits, and entries with short names.

Must not know: any one format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from smalta.classes import ClassTree
from smalta.data.sample import Entry
from smalta.data.splits import GROUPS_FILE, make_splits


def stated_tree(root: Path, classes: ClassTree | None) -> ClassTree | None:
    """The tree that the user gives, else the tree of `classes.yaml` at the root, else None."""
    if classes is not None:
        return classes
    files = [root / name for name in ("classes.yaml", "classes.yml") if (root / name).is_file()]
    return ClassTree.from_file(files[0]) if files else None


def splits_at(
    root: Path,
    found: Mapping[str, Sequence[Entry]],
    seed: int,
    classes_of: Callable[[Sequence[Entry]], list[Collection[int]]] | None = None,
) -> tuple[dict[str, tuple[Entry, ...]], list[str], bool]:
    """The splits that a data set brings, completed by the rules of `make_splits`.

    Args:
        root: the folder; its `groups.txt` and `kinds.txt` are used.
        found: entries by split, named by their path below the folder of pictures; `UNSPLIT` if there are no splits.
        seed: of the random splits.
        classes_of: gives the classes present in each entry, if groups are dealt.

    Returns:
        Entries by split, with the shortest names that are unique; notes; whether any picture was dealt.
    """
    groups, kinds = root / GROUPS_FILE, root / "kinds.txt"
    return make_splits(
        _named(found),
        seed=seed,
        groups_file=groups if groups.is_file() else None,
        kinds_file=kinds if kinds.is_file() else None,
        classes_of=classes_of,
    )


def _named(found: Mapping[str, Sequence[Entry]]) -> dict[str, list[Entry]]:
    """The entries with the shortest names that are unique: the stem, split/stem, or split/path."""

    def choices(split: str, entry: Entry) -> list[str]:
        before = f"{split}/" if split else ""
        return [entry.picture.stem, before + entry.picture.stem, before + entry.name]

    counts = [Counter(names) for names in zip(*(choices(s, e) for s, es in found.items() for e in es), strict=True)]

    def name(split: str, entry: Entry) -> str:
        names = choices(split, entry)
        return next((n for n, count in zip(names, counts, strict=True) if count[n] == 1), names[-1])

    return {split: [replace(e, name=name(split, e)) for e in entries] for split, entries in found.items()}
