"""Write a data set in another format.

In:  an open data set, a folder that does not exist or is empty, the name of a format.
Out: files; the number of pictures, and sentences about what the format cannot hold.

Must not know: how any one format stores labels.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from smalta.data.dataset import Dataset
from smalta.data.formats.known_formats import WRITTEN
from smalta.errors import DataError


class Converted(NamedTuple):
    """What was written: the number of pictures, and notes about what the format cannot hold."""

    pictures: int
    notes: tuple[str, ...]


def convert(source: Dataset, out: str | Path, format: str) -> Converted:  # noqa: A002
    """Write every split of a data set in another format, with the class tree beside it as `classes.yaml`.

    Pictures are copied byte for byte; a picture with an EXIF rotation is written upright instead. The folder appears
    when all of it is written, so a failure leaves nothing behind.

    Args:
        source: the data set to write.
        out: a folder that does not exist, or is empty.
        format: a key of `smalta.data.formats.known_formats.WRITTEN`, such as "folder" or "coco".

    Raises:
        DataError: if the format is unknown, `out` is not empty, or a file cannot be read or written.
    """
    out = Path(out)
    if format not in WRITTEN:
        raise DataError(f"format must be one of {', '.join(WRITTEN)}, got {format!r}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} exists and is not an empty folder; name a new folder")
    draft = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        draft.mkdir(parents=True)
        notes = WRITTEN[format].module.write(source, draft)
        if out.exists():
            out.rmdir()
        draft.rename(out)
    except OSError as error:
        raise DataError(f"{out} cannot be written: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Converted(len(source.entries), tuple(notes))
