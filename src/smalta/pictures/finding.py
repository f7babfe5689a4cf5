"""Find pictures by name.

In:  files, folders, patterns, lists of paths.
Out: paths.

Must not know: the content of files.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path

from smalta.errors import DataError

PICTURE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".pgm", ".ppm", ".pnm"}
)


def pictures_in(folder: Path) -> list[Path]:
    """Picture files directly in a folder, in the order of their names; suffixes may be in upper or lower case."""
    return sorted(p for p in folder.iterdir() if is_picture_name(p) and p.is_file())


def is_picture_name(path: Path) -> bool:
    """Whether a name has the suffix of a picture and is not hidden."""
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")


def find_pictures(arguments: Iterable[str | Path]) -> list[Path]:
    """Pictures that a user's arguments mean.

    - A folder means the pictures directly in it, unless it is a picture itself (`.zarr`).
    - A pattern (`*`, `?`, `[`, `**`) means the pictures that it matches.
    - A `.txt` file means the paths in it, one a line, relative to its folder.
    - Every other argument is a picture's path. It is not checked here: the reader reports a missing or broken picture.

    Args:
        arguments: files, folders, patterns, lists.

    Returns:
        Paths in the order of the arguments, by name within one argument; each path once.

    Raises:
        DataError: if a folder, pattern or list holds no picture, or there are no arguments.

    Example:
        >>> len(find_pictures(["scenes/test/images", "scenes/val/images/*.png"]))
        4
    """
    found: dict[Path, None] = {}
    for argument in arguments:
        path = Path(argument)
        if path.is_dir() and not _is_zarr(path):
            matches = sorted([*pictures_in(path), *filter(_is_zarr, path.iterdir())])
        elif path.suffix.lower() == ".txt":
            matches = _listed(path)
        elif not path.exists() and glob.has_magic(str(path)):
            found_names = map(Path, glob.glob(str(path), recursive=True))
            matches = sorted(p for p in found_names if is_picture_name(p) or _is_zarr(p))
        else:
            matches = [path]
        if not matches:
            raise DataError(
                f"there is no picture in {path}; name a file, a folder of pictures or a pattern such as 'shots/*.jpg'"
            )
        found.update(dict.fromkeys(matches))
    if not found:
        raise DataError("no pictures are named; name files, folders or patterns")
    return list(found)


def _is_zarr(path: Path) -> bool:
    return path.suffix.lower() == ".zarr" and not path.name.startswith(".")


def _listed(path: Path) -> list[Path]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a list of pictures: {error}; save it as UTF-8 text") from error
    return [path.parent / line.strip() for line in lines if line.strip()]
