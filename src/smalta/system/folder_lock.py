"""One program at a time works in a folder.

In:  a folder.
Out: a lock that the system frees when its program ends, also when it is killed.

Must not know: what is in the folder, what the program does there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

NAME = ".lock"


class LockedError(Exception):
    """Another program holds the lock.

    Args:
        process: its number; None if it cannot be read.
    """

    def __init__(self, process: int | None) -> None:
        super().__init__(process)
        self.process = process


class FolderLock:
    """The lock of a folder, held from its making until `free` or the end of the program.

    The file `.lock` stays in the folder, because a file that is removed could be locked twice.

    Args:
        folder: that exists.

    Raises:
        LockedError: if another program, or another lock of this program, holds it.
        OSError: if the file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if not _lock(self._file):
                raise LockedError(_process(path))
            os.ftruncate(self._file, 0)
            os.write(self._file, f"{os.getpid()}\n".encode())
        except BaseException:
            self.free()
            raise

    def free(self) -> None:
        """Give the folder up; a second call does nothing."""
        if self._file is not None:
            os.close(self._file)  # which unlocks it
            self._file = None


def _process(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> bool:
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
