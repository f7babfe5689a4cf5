"""Record which pictures of a job are done, so that a stopped job can continue.

In:  the description of a job (model, settings), pictures and their files.
Out: `manifest.jsonl` in the result folder: a line about the job, then a line per picture.

A line is added when the picture's files are complete. If the program is killed while it adds one, the broken line is
dropped and that picture is processed again.

Must not know: how answers are made, what is in the files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from smalta.errors import ConfigError, DataError
from smalta.results.output import Written
from smalta.system.records import parse_json, read_record
from smalta.system.whole_files import write_bytes
from smalta.version import __version__

MANIFEST_FILE = "manifest.jsonl"
FIX = "start again without --resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """The first line: the version of smalta, and the description of the job."""

    smalta: str
    job: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """A line about a finished picture: its identity, the paths of its files, its entries in the joined files."""

    picture: Mapping[str, Any]
    files: Mapping[str, str]
    added: Mapping[str, Any]


class Manifest:
    """The manifest of a job, open for adding; a context manager.

    Args:
        folder: of the results.
        job: its description as plain data; only a job with the same description can continue.
        resume: whether to keep the record of an earlier job; otherwise it is replaced.

    Raises:
        ConfigError: if the description of the earlier job differs.
        DataError: if the manifest cannot be read or written.
    """

    def __init__(self, folder: Path, job: Mapping[str, Any], *, resume: bool) -> None:
        self._folder = folder
        self._path = folder / MANIFEST_FILE
        told: dict[str, Any] = json.loads(json.dumps(job))  # as it is when it is read again
        self._done: dict[str, _Done] = {}
        if resume and self._path.exists():
            self._done = self._earlier(told)
        lines = [{"smalta": __version__, "job": told}, *map(asdict, self._done.values())]
        write_bytes(self._path, "".join(json.dumps(line) + "\n" for line in lines).encode())
        self._file = self._path.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def done(self, picture: Path) -> Written | None:
        """The files of an earlier job for a picture; None if it is not done, has changed, or a file is missing."""
        line = self._done.get(picture.name)
        if line is None or line.picture != _identity(picture):
            return None
        files = {name: self._folder / path for name, path in line.files.items()}
        return Written(files=files, added=line.added) if all(map(Path.exists, files.values())) else None

    def add(self, picture: Path, written: Written) -> None:
        """Record that a picture is done."""
        files = {name: path.relative_to(self._folder).as_posix() for name, path in written.files.items()}
        line = _Done(picture=_identity(picture), files=files, added=dict(written.added))
        if self._done.get(picture.name) != line:
            self._write(asdict(line))

    def add_failure(self, picture: Path, reason: str) -> None:
        """Record why a picture failed, for readers; a resumed job tries it again."""
        self._write({"failed": picture.name, "reason": reason})

    def _write(self, line: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise DataError(f"{self._path} cannot be written: {error}") from error

    def _earlier(self, job: dict[str, Any]) -> dict[str, _Done]:
        """Lines of finished pictures by name."""
        try:
            *whole, _ = self._path.read_text(encoding="utf-8").split("\n")  # a broken last line is dropped
            first, *others = map(parse_json, whole)
            before = read_record(_Job, first, what="its first line").job
            lines = [read_record(_Done, line, what="a line") for line in others if not _is_failure(line)]
            done = {line.picture["name"]: line for line in lines}
        except (OSError, ValueError, KeyError, TypeError) as error:  # KeyError, TypeError: a picture without a name
            raise DataError(f"{self._path} is damaged ({error}); {FIX}") from error
        for name in job:
            if before.get(name) != job[name]:
                raise ConfigError(
                    f"{self._folder} holds results of a job with {name} = {_shown(before.get(name))}, and this job has "
                    f"{name} = {_shown(job[name])}; set another folder with --out, or {FIX}"
                )
        return done


def _is_failure(line: object) -> bool:
    return isinstance(line, Mapping) and "failed" in line


def _identity(picture: Path) -> dict[str, Any]:
    """Name, size and time of change of a file; a folder (Zarr) changes when a file is added to it."""
    try:
        facts = picture.stat()
    except OSError:  # the file is missing; reading it reports that
        return {"name": picture.name}
    return {"name": picture.name, "bytes": facts.st_size, "modified": facts.st_mtime_ns}


def _shown(value: Any) -> str:
    return value[:12] if isinstance(value, str) else json.dumps(value)
