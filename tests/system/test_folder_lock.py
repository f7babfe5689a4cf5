from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smalta.system.folder_lock import FolderLock, LockedError


def test_a_folder_has_one_lock_at_a_time(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(LockedError) as error:
        FolderLock(tmp_path)
    assert error.value.process == os.getpid()

    lock.free()
    lock.free()

    FolderLock(tmp_path).free()


def test_the_lock_of_a_killed_program_is_free(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from smalta.system.folder_lock import FolderLock; "
    code += "lock = FolderLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(LockedError) as error:
            FolderLock(tmp_path)
        assert error.value.process == other.pid
        other.kill()

    FolderLock(tmp_path).free()


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FolderLock(tmp_path / "none")
