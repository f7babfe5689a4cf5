"""What every format reader gives, and the few steps that all of them share.

In:  a folder that one format knows.
Out: `Contents`: entries by split, the class tree, and the `Reader` that turns an entry into a `Sample`.

Must not know: any one format, networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Protocol

import numpy as np
import yaml

from smalta.classes import ClassTree
from smalta.data.sample import Entry, Sample
from smalta.data.settle import without_gaps
from smalta.errors import ClassTreeError, DataError
from smalta.pictures.finding import pictures_in
from smalta.pictures.reading import orient, read_index, read_size


class Reader(Protocol):
    """Reads the labels of one format."""

    def read(self, entry: Entry) -> Sample:
        """Picture and labels of an entry."""
        ...

    def read_values(self, entry: Entry) -> np.ndarray | None:
        """Label values (H, W) as they stand on the disk, or None where the format keeps none."""
        ...


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a format found in a folder; the fields are those of `smalta.data.dataset.Dataset`."""

    tree: ClassTree
    splits: Mapping[str, tuple[Entry, ...]]
    reader: Reader
    has_instances: bool
    dealt: bool = False
    notes: tuple[str, ...] = ()
    unpaired_pictures: tuple[Path, ...] = ()
    unpaired_labels: tuple[Path, ...] = ()


def subfolders(folder: Path) -> dict[str, Path]:
    """Folders directly in a folder by their names in small letters; none of a folder that may not be read."""
    try:
        inside = sorted(folder.iterdir())
    except PermissionError:  # such as lost+found at the root of a disk
        return {}
    return {path.name.lower(): path for path in inside if path.is_dir()}


def by_stem(folder: Path) -> dict[str, Path]:
    """Picture files directly in a folder by stem.

    Raises:
        DataError: if two of them share a stem, so that nobody can tell which one a label belongs to.
    """
    found: dict[str, Path] = {}
    for path in pictures_in(folder):
        if path.stem in found:
            raise DataError(
                f"{folder} holds {found[path.stem].name} and {path.name}; files pair by stem, so stems must differ: "
                "rename or remove one"
            )
        found[path.stem] = path
    return found


def named_entries(found: Mapping[str, Sequence[Entry]]) -> dict[str, list[Entry]]:
    """The entries with the shortest names that are unique: the stem, split/stem, or split/path.

    Args:
        found: entries by split, named by their path below the folder of pictures.
    """

    def choices(split: str, entry: Entry) -> list[str]:
        before = f"{split}/" if split else ""
        return [entry.picture.stem, before + entry.picture.stem, before + entry.name]

    counts = [Counter(names) for names in zip(*(choices(s, e) for s, es in found.items() for e in es), strict=True)]

    def name(split: str, entry: Entry) -> str:
        names = choices(split, entry)
        return next((n for n, count in zip(names, counts, strict=True) if count[n] == 1), names[-1])

    return {split: [replace(e, name=name(split, e)) for e in entries] for split, entries in found.items()}


def stated_tree(root: Path, classes: ClassTree | None) -> ClassTree | None:
    """The tree that the user gives, else that of `classes.yaml` at the root, else None."""
    if classes is not None:
        return classes
    files = [root / name for name in ("classes.yaml", "classes.yml") if (root / name).is_file()]
    return ClassTree.from_file(files[0]) if files else None


def groups_file(root: Path) -> Path | None:
    """`groups.txt` at the root, if there is one: pictures that must stay in one split."""
    path = root / "groups.txt"
    return path if path.is_file() else None


def kinds_file(root: Path) -> Path | None:
    """`kinds.txt` at the root, if there is one: pictures of one kind, of which every split gets its share."""
    path = root / "kinds.txt"
    return path if path.is_file() else None


def fullest_folder(candidates: Iterable[Path], names: Sequence[PurePath], source: Path, root: Path) -> Path:
    """Of several folders the first that holds all files named, else the one that holds most.

    Args:
        candidates: folders.
        names: relative paths, at least one.
        source: the file that names them, for messages.
        root: the data set's folder.

    Raises:
        DataError: if none holds any of them, or one is a link that leads out of both the folder and the data set.
    """
    hits: dict[Path, int] = {}
    for folder in candidates:
        if folder not in hits:
            hits[folder] = sum((folder / name).is_file() for name in names)
            if hits[folder] == len(names):
                break
    best = max(hits, key=lambda folder: hits[folder])
    if not hits[best]:
        raise DataError(
            f"none of the {len(names)} files that {source} names is there, such as {names[0]}; looked in "
            + ", ".join(map(str, hits))
        )
    refuse_links_outside([best / name for name in names], (best, root), source)
    return best


def refuse_links_outside(paths: Collection[Path], homes: Sequence[Path], source: Path) -> None:
    """Raise DataError if a file that `source` names is not inside one of the `homes` once links are followed."""
    real_homes = [home.resolve() for home in homes]
    for path in [*(path for path in paths if path.is_symlink()), *{path.parent for path in paths}]:
        real = path.resolve()
        if not any(real.is_relative_to(home) for home in real_homes):
            raise DataError(f"{source} names files in {path}, a link that leads to {real}; copy them into the data set")


def turn_labels(values: np.ndarray, *, orientation: int, size_hw: tuple[int, int], name: str) -> np.ndarray:
    """Labels (H, W) brought upright like their picture, by the rule of `read_labels`.

    Raises:
        DataError: if their size is not the picture's.
    """
    upright = size_hw[0] != size_hw[1] and values.shape == size_hw
    if not (orientation in (5, 6, 7, 8) and upright):
        values = orient(values, orientation)
    if values.shape != size_hw:
        raise wrong_size(values.shape, size_hw, name)
    return values


def wrong_size(label_hw: Sequence[int], size_hw: Sequence[int], name: str) -> DataError:
    """The error that labels called `name` have another size than their picture."""
    return DataError(
        f"{name} is {label_hw[1]} x {label_hw[0]} pixels and its picture {size_hw[1]} x {size_hw[0]}; "
        "labels need the size of their picture: export them again without resizing"
    )


def read_labels(path: Path, *, orientation: int, size_hw: tuple[int, int]) -> np.ndarray:
    """Label values (H, W) of a label file, upright like its picture.

    Labels drawn on the stored pixels are turned with the picture. Where the sizes show that they were drawn on the
    upright picture they stay as they are.
    """
    if orientation in (5, 6, 7, 8) and size_hw[0] != size_hw[1] and read_size(path) == size_hw:
        orientation = 1
    values = read_index(path, orientation=orientation)
    return turn_labels(values, orientation=1, size_hw=size_hw, name=str(path))


def read_objects(path: Path, *, orientation: int, size_hw: tuple[int, int]) -> np.ndarray:
    """Object ids (H, W) int32 of a label file, by the rules of `read_labels`; ids beyond 2^31 - 1 are numbered anew."""
    values = read_labels(path, orientation=orientation, size_hw=size_hw)
    return (without_gaps(values)[1] if values.max() >= 2**31 else values).astype(np.int32)


def nodes_of(tree: ClassTree, values: np.ndarray, path: Path) -> np.ndarray:
    """Class map (H, W) uint16 of label values; an unknown value is an error that names the file."""
    try:
        return tree.nodes_of(values)
    except ClassTreeError as error:
        raise ClassTreeError(f"{path}: {error}") from error


def present_values(values: np.ndarray) -> list[int]:
    """The different values of a label array, in order."""
    if values.dtype.itemsize <= 2:  # counting beats sorting by far
        return np.flatnonzero(np.bincount(values.ravel())).tolist()
    return np.unique(values).tolist()


def plain_yaml(path: Path) -> Mapping[object, object]:
    """Mapping that a YAML file holds; empty where it holds something else or cannot be read."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return content if isinstance(content, Mapping) else {}
