"""Open a folder of labelled pictures, whatever its format.

In:  a path; optionally a class tree.
Out: `Dataset`.

Must not know: how any one format stores labels, networks, caches.
"""

from __future__ import annotations

from pathlib import Path

from smalta.classes import ClassTree
from smalta.data.dataset import Dataset
from smalta.data.formats.known_formats import FORMATS
from smalta.errors import DataError


def open_dataset(path: str | Path, *, classes: ClassTree | str | Path | None = None, seed: int = 0) -> Dataset:
    """Recognise the format of a folder and list its pictures and labels; no picture is read yet.

    Args:
        path: the folder.
        classes: the class tree or its file, instead of the data set's own.
        seed: of the random splits, where the data set brings none.

    Raises:
        DataError: if the folder is in no known format; the message lists what was looked for and what is there.
        ClassTreeError: if the classes break a rule.

    Example:
        >>> dataset = open_dataset("scenes")
        >>> dataset.format, {name: len(entries) for name, entries in dataset.splits.items()}
        ('folder', {'train': 4, 'val': 2, 'test': 2})
    """
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; name the folder that holds the data set")
    tree = classes if isinstance(classes, ClassTree) or classes is None else ClassTree.from_file(classes)
    for known in FORMATS:
        if known.module.recognises(root):
            dataset = known.module.open_folder(root, tree, seed)
            if not dataset.splits:
                raise DataError(f"no picture in {root} has labels (opened as {known.name}); add label files")
            return dataset
    looked_for = "; ".join(f"{known.name}: {known.module.LOOKED_FOR}" for known in FORMATS)
    names = sorted(child.name + ("/" if child.is_dir() else "") for child in root.iterdir())
    there = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") if names else "nothing"
    raise DataError(
        f"{root} is not a data set in a format that smalta knows. It looked for {looked_for}. The folder holds {there}."
    )
