"""Find COCO's JSON files and the pictures that they speak of; shared by the instance and the panoptic reader.

In:  a folder.
Out: JSON files by split, their parsed content, picture paths.

A JSON file may name only files below the folder where its pictures lie.

Must not know: class trees, how labels are drawn.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from smalta.data.formats.categories import Category
from smalta.data.formats.reader import fullest_folder, subfolders
from smalta.data.splits import UNSPLIT, split_name
from smalta.errors import DataError
from smalta.pictures.finding import pictures_in

M = TypeVar("M", bound=BaseModel)
Kind = Literal["instances", "panoptic"]
OTHER_TASKS = ("keypoint", "caption", "densepose")


class JsonImage(BaseModel):
    """An entry of "images"."""

    id: int | str
    file_name: str
    height: int | None = Field(default=None, gt=0)
    width: int | None = Field(default=None, gt=0)


class JsonCategory(BaseModel):
    """An entry of "categories"."""

    id: int = Field(ge=0)
    name: str
    supercategory: str | None = None
    isthing: bool = True
    color: object = None

    def category(self) -> Category:
        """The same in smalta's words."""
        color = self.color if isinstance(self.color, str) and len(self.color) == 7 else None
        if isinstance(self.color, list) and len(self.color) == 3 and all(part in range(256) for part in self.color):
            color = "#{:02x}{:02x}{:02x}".format(*self.color)
        return Category(id=self.id, name=self.name, group=self.supercategory or "", thing=self.isthing, color=color)


def json_files(root: Path, kind: Kind) -> dict[str, Path]:
    """Files of one kind by split, `UNSPLIT` where neither the file's nor the folder's name tells one.

    Raises:
        DataError: if two files are of the same split.
    """
    folders = [root, *subfolders(root).values()]
    folders += [inner["annotations"] for folder in folders[1:] if "annotations" in (inner := subfolders(folder))]
    files = [path for folder in folders for path in sorted(folder.glob("*.json")) if _is_of(path, kind)]
    preferred = [path for path in files if path.name.startswith(kind)]
    by_split: dict[str, Path] = {}
    for path in preferred or files:
        split = split_of(path, root)
        if split in by_split:
            raise DataError(
                f"{by_split[split]} and {path} both hold labels of {split or 'a whole data set'}; "
                "keep one of them, or put train and val into their names"
            )
        by_split[split] = path
    return by_split if len(by_split) == 1 else {s: path for s, path in by_split.items() if s != UNSPLIT}


def _is_of(path: Path, kind: Kind) -> bool:
    """Whether a JSON file holds labels of this kind, from the words in it; it may be too large to parse for that."""
    if any(word in path.name.lower() for word in OTHER_TASKS) or not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        is_coco = all(text.find(f'"{word}"'.encode()) >= 0 for word in ("images", "annotations", "categories"))
        return is_coco and (text.find(b'"segments_info"') >= 0) == (kind == "panoptic")


def split_of(path: Path, root: Path) -> str:
    """The split that a word in the name of a label file or of a folder around it tells, else `UNSPLIT`."""
    words = path.stem.replace("-", "_").replace(".", "_").split("_")
    folders = [parent.name for parent in path.parents if root in parent.parents]
    return next((split for word in [*words, *folders] if (split := split_name(word))), UNSPLIT)


def parse(path: Path, model: type[M], standard: str = "COCO") -> M:
    """Content of a JSON file; what is missing or of a wrong type is named by its place in the file."""
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(f"{path} is not as {standard} describes it: {place or 'file'}: {first['msg']}") from error


def same_categories(by_split: Mapping[str, Sequence[JsonCategory]], files: Mapping[str, Path]) -> list[Category]:
    """Categories of all splits.

    Raises:
        DataError: if two splits give one number to different names.
    """
    categories: dict[int, Category] = {}
    for split, entries in by_split.items():
        for entry in entries:
            category = entry.category()
            twin = categories.setdefault(category.id, category)
            if twin.name != category.name:
                raise DataError(
                    f"{files[split]} calls category {category.id} {category.name!r}, but it is also {twin.name!r}; "
                    "use one numbering for all splits"
                )
    return list(categories.values())


def safe_name(name: str, source: Path) -> PurePosixPath:
    """A relative path that a label file names.

    Raises:
        DataError: if it leads out of its folder.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts or not path.name:
        raise DataError(
            f"{source} names the file {name!r}, which is not below its folder; write names relative to the folder"
        )
    return path


def picture_names(images: Sequence[JsonImage], source: Path) -> dict[int | str, PurePosixPath]:
    """Relative paths of the pictures that a label file lists, by id.

    Raises:
        DataError: if an id or a file stands there twice, or a path leads out of its folder.
    """
    names: dict[int | str, PurePosixPath] = {}
    owner: dict[PurePosixPath, int | str] = {}
    for image in images:
        name = safe_name(image.file_name, source)
        if image.id in names:
            raise DataError(f"{source} holds two images with the id {image.id!r}; ids must differ")
        if name in owner:
            raise DataError(
                f"{source} lists the file {image.file_name!r} twice, as images {owner[name]!r} and {image.id!r}: its "
                "labels would be torn apart; list it once"
            )
        names[image.id] = name
        owner[name] = image.id
    return names


def picture_folder(json_path: Path, root: Path, split: str, names: Sequence[PurePosixPath]) -> Path:
    """Of the usual places the folder that holds most of the pictures a label file names."""
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
    """Subfolders of a split, the one that bears the JSON file's own word (`train2017`) first."""
    matches = [path for path in subfolders(parent).values() if split and split_name(path.name) == split]
    matches.sort(key=lambda path: path.name not in words)
    return [place for path in matches for place in (path / "images", path) if place.is_dir()]


def unlisted_pictures(listed: Collection[Path]) -> list[Path]:
    """Pictures that lie beside those that the label files name, but are not named."""
    folders = sorted({path.parent for path in listed if path.parent.is_dir()})
    return [path for folder in folders for path in pictures_in(folder) if path not in listed]
