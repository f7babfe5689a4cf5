"""COCO's JSON files, as far as instances and panoptic share them: where they lie, their images and categories.

In:  a folder; entries of "images" and "categories".
Out: JSON files by split, names of pictures, the class tree, and the node of every category.

Must not know: annotations, how labels are drawn.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, Field

from smalta.classes import ClassTree
from smalta.data.formats.categories import Category, nodes_by_name, tree_of
from smalta.data.formats.places import safe_name, split_of, subfolders
from smalta.data.splits import UNSPLIT
from smalta.errors import DataError

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
        """The entry as a `Category`."""
        color = self.color if isinstance(self.color, str) and len(self.color) == 7 else None
        if isinstance(self.color, list) and len(self.color) == 3 and all(part in range(256) for part in self.color):
            color = "#{:02x}{:02x}{:02x}".format(*self.color)
        return Category(id=self.id, name=self.name, group=self.supercategory or "", thing=self.isthing, color=color)


def json_files(root: Path, kind: Kind) -> dict[str, Path]:
    """Files of one kind by split; `UNSPLIT` if neither the name of the file nor that of its folder shows a split.

    Raises:
        DataError: if two files belong to the same split.
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
                f"{by_split[split]} and {path} both hold the labels of {split or 'a whole data set'}; "
                "remove one of them, or put train and val into their names"
            )
        by_split[split] = path
    return by_split if len(by_split) == 1 else {s: path for s, path in by_split.items() if s != UNSPLIT}


def _is_of(path: Path, kind: Kind) -> bool:
    """Whether a JSON file holds labels of this kind, by the words in it; it may be too large to parse only for that."""
    if any(word in path.name.lower() for word in OTHER_TASKS) or not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        is_coco = all(text.find(f'"{word}"'.encode()) >= 0 for word in ("images", "annotations", "categories"))
        return is_coco and (text.find(b'"segments_info"') >= 0) == (kind == "panoptic")


def picture_names(images: Sequence[JsonImage], source: Path) -> dict[int | str, PurePosixPath]:
    """Relative paths of the pictures that a label file lists, by id.

    Raises:
        DataError: if an id or a file is listed twice, or a path leads out of its folder.
    """
    names: dict[int | str, PurePosixPath] = {}
    owner: dict[PurePosixPath, int | str] = {}
    for image in images:
        name = safe_name(image.file_name, source)
        if image.id in names:
            raise DataError(f"{source} lists two images with the id {image.id!r}; ids must differ")
        if name in owner:
            raise DataError(
                f"{source} lists the file {image.file_name!r} twice, as images {owner[name]!r} and {image.id!r}, "
                "each with a part of its labels; list it once"
            )
        names[image.id] = name
        owner[name] = image.id
    return names


def same_categories(by_split: Mapping[str, Sequence[JsonCategory]], files: Mapping[str, Path]) -> list[Category]:
    """Categories of all splits.

    Raises:
        DataError: if an id has different names in two splits.
    """
    categories: dict[int, Category] = {}
    for split, entries in by_split.items():
        for entry in entries:
            category = entry.category()
            twin = categories.setdefault(category.id, category)
            if twin.name != category.name:
                raise DataError(
                    f"category {category.id} is {category.name!r} in {files[split]} and {twin.name!r} in another file; "
                    "use the same ids in all splits"
                )
    return list(categories.values())


def tree_and_nodes(
    categories: Sequence[Category],
    used: Mapping[int, Path],
    stated: ClassTree | None,
    source: Path,
    *,
    noun: str,
    background: bool,
    ignore: Collection[int] = (),
) -> tuple[ClassTree, dict[int, int]]:
    """The tree that the user states, else the tree that the categories form; and the node of every category id.

    Args:
        categories: of all splits.
        used: by category id in use, a file that uses it.
        stated: the user's tree; the categories are then found in it by name.
        source: the label file, for messages.
        noun: what uses the categories, for messages.
        background: as in `tree_of`.
        ignore: as in `tree_of`.

    Raises:
        DataError: if a category in use is not in the list.
        ClassTreeError: if a category in use is not in the user's tree.
    """
    known = {category.id for category in categories}
    for category_id, path in used.items():
        if category_id not in known:
            raise DataError(f"{path}: {noun} use category {category_id}, which is not in its categories; add it there")
    if stated is not None:
        return stated, nodes_by_name(stated, categories, used, source)
    return tree_of(categories, background=background, ignore=ignore)


def image_entry(number: int, picture: Path, size_hw: tuple[int, ...]) -> dict[str, Any]:
    """An entry of "images" for writing: id, the picture's file, height and width in pixels."""
    return {"id": number, "file_name": picture.name, "height": size_hw[0], "width": size_hw[1]}
