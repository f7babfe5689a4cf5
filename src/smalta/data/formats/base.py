"""What every format reader gives, and the few steps that all of them share.

In:  a folder that one format knows.
Out: `Contents`: entries by split, the class tree, and the `Reader` that turns an entry into a `Sample`.

Must not know: any one format, networks.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Protocol, TypeVar

import numpy as np
import yaml

from smalta.classes import ClassTree
from smalta.cores import usable_cores
from smalta.data.pictures import orient, pictures_in, read_index, read_size
from smalta.data.sample import Entry, Sample
from smalta.errors import ClassTreeError, DataError

T = TypeVar("T")
R = TypeVar("R")


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


def map_in_order(function: Callable[[T], R], items: Iterable[T], workers: int | None = None) -> Iterator[R]:
    """`map` on threads: results in the order of the items, at most a few items ahead of the one asked for."""
    workers = workers or min(8, usable_cores())
    pool = ThreadPoolExecutor(max_workers=workers)
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # also when the caller stops early
        pool.shutdown(wait=True, cancel_futures=True)


def subfolders(folder: Path) -> dict[str, Path]:
    """Folders directly in a folder by their names in small letters."""
    return {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}


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
    """`groups.txt` at the root, if there is one."""
    path = root / "groups.txt"
    return path if path.is_file() else None


def fullest_folder(candidates: Iterable[Path], names: Sequence[str | PurePath], source: Path) -> Path:
    """Of several folders the first that holds all files named, else the one that holds most.

    Raises:
        DataError: if none holds any of them.
    """
    hits: dict[Path, int] = {}
    for folder in candidates:
        if folder not in hits:
            hits[folder] = sum((folder / name).is_file() for name in names)
            if hits[folder] == len(names):
                return folder
    best = max(hits, key=lambda folder: hits[folder])
    if not hits[best]:
        raise DataError(
            f"none of the {len(names)} files that {source} names is there, such as {names[0]}; looked in "
            + ", ".join(map(str, hits))
        )
    return best


def turn_labels(values: np.ndarray, *, orientation: int, size_hw: tuple[int, int], name: str) -> np.ndarray:
    """Labels (H, W) brought upright like their picture, by the rule of `read_labels`.

    Raises:
        DataError: if their size is not the picture's.
    """
    upright = size_hw[0] != size_hw[1] and values.shape == size_hw
    if not (orientation in (5, 6, 7, 8) and upright):
        values = orient(values, orientation)
    if values.shape != size_hw:
        raise DataError(
            f"{name} is {values.shape[1]} x {values.shape[0]} pixels and its picture {size_hw[1]} x {size_hw[0]}; "
            "labels need the size of their picture: export them again without resizing"
        )
    return values


def read_labels(path: Path, *, orientation: int, size_hw: tuple[int, int]) -> np.ndarray:
    """Label values (H, W) of a label file, upright like its picture.

    Labels drawn on the stored pixels are turned with the picture. Where the sizes show that they were drawn on the
    upright picture they stay as they are.
    """
    if orientation in (5, 6, 7, 8) and size_hw[0] != size_hw[1] and read_size(path) == size_hw:
        orientation = 1
    values = read_index(path, orientation=orientation)
    return turn_labels(values, orientation=1, size_hw=size_hw, name=str(path))


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
