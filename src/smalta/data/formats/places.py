"""Find the pictures and label files of a data set: folders, stems, the paths that a label file names.

In:  folders, label files.
Out: paths. A label file may only name files below the folder of its pictures.

Must not know: any one format, the content of files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from smalta.data.splits import UNSPLIT, split_name
from smalta.errors import DataError
from smalta.pictures.finding import pictures_in


def subfolders(folder: Path) -> dict[str, Path]:
    """Folders directly in a folder, by their names in lower case; none if the folder may not be read."""
    try:
        inside = sorted(folder.iterdir())
    except PermissionError:  # such as lost+found at the root of a disk
        return {}
    return {path.name.lower(): path for path in inside if path.is_dir()}


def by_stem(folder: Path) -> dict[str, Path]:
    """Picture files directly in a folder by stem.

    Raises:
        DataError: if two of them have the same stem, because a label could belong to either.
    """
    found: dict[str, Path] = {}
    for path in pictures_in(folder):
        if path.stem in found:
            raise DataError(
                f"{folder} holds {found[path.stem].name} and {path.name}; files pair by stem, so stems must differ; "
                "rename or remove one of them"
            )
        found[path.stem] = path
    return found


def split_of(path: Path, root: Path) -> str:
    """The split by a word in the name of a label file or of a folder around it, else `UNSPLIT`."""
    words = path.stem.replace("-", "_").replace(".", "_").split("_")
    folders = [parent.name for parent in path.parents if root in parent.parents]
    return next((split for word in [*words, *folders] if (split := split_name(word))), UNSPLIT)


def safe_name(name: str, source: Path) -> PurePosixPath:
    """A relative path that a label file names.

    Raises:
        DataError: if it leads out of its folder.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts or not path.name:
        raise DataError(
            f"{source} names the file {name!r}, which is not below its folder; write names relative to that folder"
        )
    return path


def refuse_links_outside(paths: Collection[Path], homes: Sequence[Path], source: Path) -> None:
    """Raise DataError if a file that `source` names is outside of all `homes` after links are followed."""
    real_homes = [home.resolve() for home in homes]
    for path in [*(path for path in paths if path.is_symlink()), *{path.parent for path in paths}]:
        real = path.resolve()
        if not any(real.is_relative_to(home) for home in real_homes):
            raise DataError(f"{source} names files in {path}, a link to {real}; copy the files into the data set")


def fullest_folder(candidates: Iterable[Path], names: Sequence[PurePath], source: Path, root: Path) -> Path:
    """The first of several folders that holds all the files named, else the folder that holds most of them.

    Args:
        candidates: folders.
        names: relative paths, at least one.
        source: the file that names them, for messages.
        root: the data set's folder.

    Raises:
        DataError: if no folder holds any of them, or a file is a link that leads out of the folder and the data set.
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
            f"none of the {len(names)} files that {source} names exists, such as {names[0]}; smalta looked in "
            + ", ".join(map(str, hits))
        )
    refuse_links_outside([best / name for name in names], (best, root), source)
    return best


def picture_folder(json_path: Path, root: Path, split: str, names: Sequence[PurePosixPath]) -> Path:
    """The folder among the usual places that holds most of the pictures that a label file names."""
    return fullest_folder(_picture_folders(json_path, root, split), names, json_path, root)


def _picture_folders(json_path: Path, root: Path, split: str) -> Iterable[Path]:
    stem_words = json_path.stem.replace("-", "_").split("_")
    above = [root.parent / "images"] if (root.parent / "images").is_dir() else []
    for base in dict.fromkeys([json_path.parent, root, json_path.parent.parent if json_path.parent != root else root]):
        for parent in (base / "images", base):
            if parent.is_dir():
                yield from _of_split(parent, split, stem_words)
                yield parent
    for parent in above:
        yield from _of_split(parent, split, stem_words)
        yield parent


def _of_split(parent: Path, split: str, words: Sequence[str]) -> list[Path]:
    """Subfolders of a split; first the subfolder with a word of the JSON file's name (`train2017`)."""
    matches = [path for path in subfolders(parent).values() if split and split_name(path.name) == split]
    matches.sort(key=lambda path: path.name not in words)
    return [place for path in matches for place in (path / "images", path) if place.is_dir()]


def unlisted_pictures(listed: Collection[Path]) -> list[Path]:
    """Pictures that the label files do not name, in the folders of those that they name."""
    folders = sorted({path.parent for path in listed if path.parent.is_dir()})
    return [path for folder in folders for path in pictures_in(folder) if path not in listed]
