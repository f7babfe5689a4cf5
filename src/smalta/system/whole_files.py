"""Write files whole or not at all.

In:  a path, bytes or parts of them.
Out: the file, which gets its name only after all of it is written.

Must not know: what is in the files.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from smalta.errors import DataError


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all: under a temporary name in the same folder, then renamed."""
    write_chunks(path, [content])


def write_chunks(path: str | Path, chunks: Iterable[bytes]) -> None:
    """Write a file whole or not at all, from parts that need not be in memory together.

    Args:
        path: of the file.
        chunks: the parts; if one cannot be computed, nothing is written.

    Raises:
        DataError: if the file cannot be written.
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with draft.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
        os.replace(draft, path)
    except BaseException as error:  # Ctrl-C leaves no draft behind
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise DataError(f"{path} cannot be written: {error}") from error
        raise
