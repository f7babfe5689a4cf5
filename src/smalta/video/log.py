"""The log of a watch: a file of whole lines that survives a crash, a full disk and a restart.

In:  events, and the state of the watch.
Out: DIR/events.jsonl and DIR/state.json.

    events.jsonl   a line for each event, only ever appended to; the first line is the header
    state.json     the state at one step and the place in the log that belongs to it, replaced in one step
    .lock          held as long as a watch writes

The log reaches the disk before the state that follows from it. So a state never knows events that the log lacks. A
power failure may take the last `SAVE_S` seconds of a live source; a killed program loses nothing.

A file that is watched again from the state's frame on makes some events again that the log holds. They are compared and
not written twice. A live source has no frame twice, so its events after the state are folded, not compared.

Must not know: what events mean, frames, tracks.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from smalta.errors import ConfigError, DataError, SmaltaError
from smalta.system.folder_lock import FolderLock, LockedError
from smalta.system.records import check_keys, parse_json
from smalta.version import __version__
from smalta.video.logbook.event_lines import Event, log_seconds
from smalta.video.logbook.log_header import LogHeader
from smalta.video.logbook.log_reading import EVENTS, header_of, last_whole_line, open_log, summary, whole_bytes

STATE = "state.json"
SAVE_S = 2.0  # seconds by the clock between two states
_ANOTHER = "set another folder with --out"
_STATE_KEYS = ("version", "bytes", "lines", "state")
_BINARY = getattr(os, "O_BINARY", 0)  # Windows turns line ends otherwise
_BEGINNING = b'{"time_s":'  # of every log


class EventLog:
    """The log of one watch; made with `begin` or `resumed`.

    Attributes:
        folder: that holds it.
        header: of the log.
        notes: sentences for the user about what was found on the disk.
        finished: whether the log holds the end of its file already.

    Example:
        >>> with EventLog.begin(Path("door"), header) as log:
        ...     log.append(engine.step(frame.number, frame.time_s, step, ground, None))
        ...     if log.due():
        ...         log.save({"engine": engine.state(), "tracker": tracker.state()})
    """

    def __init__(self, folder: Path, header: LogHeader, lock: FolderLock, save_every_s: float) -> None:
        self.folder, self.header = folder, header
        self.notes: list[str] = []
        self.finished = False
        self._lock = lock
        self._every, self._saved = save_every_s, time.monotonic()
        self._path = folder / EVENTS
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _BINARY, 0o644)
        self._bytes = self._lines = 0  # up to here, this watch has made the log or found it as it makes it
        self._at_state = (0, 0)  # bytes and lines of the log that belong to the saved state
        self._held = 0  # bytes of whole lines that the log held when it was opened

    # -- making ---------------------------------------------------------------------------------------

    @classmethod
    def begin(
        cls,
        folder: str | Path,
        header: LogHeader,
        *,
        time_s: float = 0.0,
        utc: str | None = None,
        save_every_s: float = SAVE_S,
    ) -> Self:
        """Begin a log with its header.

        Args:
            folder: is created if it does not exist.
            header: of the log.
            time_s: of the first frame.
            utc: when the watch begins, for live sources.
            save_every_s: by the clock, between two states.

        Raises:
            ConfigError: if the folder holds a log, another watch writes there, or it cannot be written.
        """
        return cls._opened(folder, header, save_every_s, lambda log: log._begun(time_s, utc))

    @classmethod
    def resumed(
        cls,
        folder: str | Path,
        header: LogHeader,
        *,
        time_s: float = 0.0,
        utc: str | None = None,
        save_every_s: float = SAVE_S,
    ) -> tuple[Self, dict[str, Any] | None]:
        """Go on with the log of a folder; a folder without a log gets one.

        A half-written last line is cut off. The log of a file loses the line "stop" at its end, because the watch goes
        on as if it had not been stopped.

        Args:
            folder, header, time_s, utc, save_every_s: as for `begin`; the header must be that of the log.

        Returns:
            The log, and the last saved state. Without a state (None), a file is watched again from its first frame, and
            all events are compared.

        Raises:
            ConfigError: if the log is another model's, other rules', or another source's; otherwise as `begin`.
            DataError: if the log cannot be read.
        """
        state: list[dict[str, Any] | None] = []
        log = cls._opened(folder, header, save_every_s, lambda log: state.append(log._continued(time_s, utc)))
        return log, state[0]

    @classmethod
    def _opened(cls, folder: str | Path, header: LogHeader, save_every_s: float, found: Callable[[Self], None]) -> Self:
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FolderLock(folder)
        except LockedError as error:
            process = "" if error.process is None else f" (process {error.process})"
            raise ConfigError(f"another watch{process} writes to {folder}; stop it, or {_ANOTHER}") from error
        except OSError as error:
            raise ConfigError(f"{folder} cannot be written ({error.strerror}); {_ANOTHER}") from error
        log: Self | None = None
        try:
            log = cls(folder, header, lock, save_every_s)
            found(log)
        except BaseException as error:
            if log is not None:
                log._free()
            lock.free()
            if isinstance(error, OSError):
                raise ConfigError(f"{folder / EVENTS} cannot be written ({error.strerror}); {_ANOTHER}") from error
            raise
        return log

    def _begun(self, time_s: float, utc: str | None) -> None:
        for path in (self._path, self.folder / STATE):
            if path.exists() and path.stat().st_size:
                raise ConfigError(f"{path} exists already; go on with it with --resume, or {_ANOTHER}")
        self._write_header(time_s, utc)

    def _write_header(self, time_s: float, utc: str | None) -> None:
        value = self.header.to_value()
        self._write([Event(time_s=log_seconds(time_s), frame=0, kind="start", utc=utc, value=value).line()])

    def _continued(self, time_s: float, utc: str | None) -> dict[str, Any] | None:
        whole = whole_bytes(self._path)
        if whole:  # before anything is cut off: the file may be another program's
            held = header_of(self._path)
            if difference := held.difference(self.header):
                raise ConfigError(f"{self._path} is the log of {difference}; use what the log has, or {_ANOTHER}")
            self.header = held
        elif not _may_begin_a_log(self._path):
            raise ConfigError(f"{self._path} is not the log of a watch; {_ANOTHER}")
        self._cut_to(whole, "the half-written last line of {path} was cut off")
        if not whole:
            self._write_header(time_s, utc)
            return None
        last, at = last_whole_line(self._path)
        if last.kind == "stop" and not self.header.live:
            self._cut_to(at, "the line 'stop' at the end of {path} was cut off, because the watch of a file goes on")
        self.finished = last.kind == "ended"
        self._held = self._size
        state, self._bytes, self._lines = self._read_state()
        self._at_state = (self._bytes, self._lines)
        if self.finished and self._bytes == self._held:  # the end is found again and compared, not written twice
            self._bytes, self._lines = at, self._lines - 1
        if self.header.live:
            self._lines += sum(1 for _ in self._later_lines())
            self._bytes = self._held
        return state

    def _cut_to(self, size: int, sentence: str) -> None:
        if size < self._size:
            os.ftruncate(self._file, size)
            self.notes.append(sentence.format(path=self._path))

    def _read_state(self) -> tuple[dict[str, Any] | None, int, int]:
        """The state with its bytes and lines of the log; without a state that fits, those of the header."""
        path = self.folder / STATE
        with open_log(self._path) as file:
            start = len(file.readline())
            if not path.exists():
                return None, start, 1
            try:
                values = check_keys(parse_json(path.read_bytes()), _STATE_KEYS, what=str(path))
                if values["version"] != __version__:
                    self.notes.append(f"{path} is of smalta {values['version']} and was not used; the log alone is")
                    return None, start, 1
                size, lines, state = int(values["bytes"]), int(values["lines"]), dict(values["state"])
            except (SmaltaError, OSError, ValueError, TypeError, KeyError):
                self.notes.append(f"{path} is broken and was not used; the log alone is")
                return None, start, 1
            file.seek(max(size - 1, 0))
            if not start <= size <= self._held or file.read(1) != b"\n":
                self.notes.append(f"{path} belongs to a longer log and was not used; the log alone is")
                return None, start, 1
        return state, size, lines

    # -- writing --------------------------------------------------------------------------------------

    @property
    def _size(self) -> int:
        return os.fstat(self._file).st_size

    def append(self, events: Sequence[Event]) -> None:
        """Write events, each as a whole line or not at all; those that the log of a file holds are compared instead.

        Raises:
            DataError: if the disk is full or cannot be written, or an event differs from that of the log; the sentence
                names the line.
        """
        lines = [event.line() for event in events]
        known = 0
        while known < len(lines) and self._bytes < self._held and not self.header.live:
            self._compare(lines[known])
            known += 1
        if known < len(lines):
            self._write(lines[known:])

    def _compare(self, line: bytes) -> None:
        with open_log(self._path) as file:
            file.seek(self._bytes)
            held = file.readline()
        if held != line:
            raise DataError(
                f"line {self._lines + 1} of {self._path} is {summary(held)}, and the same frames now give "
                f"{summary(line)}; the file changed or the log was edited: {_ANOTHER}"
            )
        self._bytes += len(line)
        self._lines += 1

    def _write(self, lines: Sequence[bytes]) -> None:
        before, content = self._size, b"".join(lines)
        reason = "the disk is full"
        try:
            written = os.write(self._file, content)
        except OSError as error:
            written, reason = 0, error.strerror or str(error)
        whole = content.rfind(b"\n", 0, written) + 1
        self._bytes, self._lines = before + whole, self._lines + content.count(b"\n", 0, whole)
        if written < len(content):
            os.ftruncate(self._file, before + whole)
            raise DataError(
                f"{self._path} cannot be written ({reason}) and ends on a whole line; free space, then use --resume"
            )

    def due(self) -> bool:
        """Whether it is time to save the state; needs no state to answer."""
        return time.monotonic() - self._saved >= self._every

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the saved state; the log reaches the disk before it.

        Args:
            state: plain data of the moment at which all events were appended.

        Raises:
            DataError: if the disk is full or cannot be written; the state before is still there.
        """
        path = self.folder / STATE
        draft = path.with_name(f".{STATE}.tmp")
        content = json.dumps(dict(zip(_STATE_KEYS, (__version__, self._bytes, self._lines, state), strict=True)))
        try:
            os.fsync(self._file)
            with draft.open("wb") as file:
                file.write(content.encode())
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise DataError(
                f"{path} cannot be written ({error.strerror}); the log is whole: free space and go on with --resume"
            ) from error
        self._saved = time.monotonic()

    # -- reading --------------------------------------------------------------------------------------

    def later(self) -> Iterator[Event]:
        """The events of a live source that the log held after the state when it was opened, oldest first.

        Without a state these are all events after the header.
        """
        for number, line in enumerate(self._later_lines(), start=self._at_state[1] + 1):
            yield Event.of_line(line, f"line {number} of {self._path}")

    def _later_lines(self) -> Iterator[bytes]:
        at = self._at_state[0]
        with open_log(self._path) as file:
            file.seek(at)
            while at < self._held:
                line = file.readline()
                at += len(line)
                yield line

    # -- the end --------------------------------------------------------------------------------------

    def close(self) -> None:
        """Bring the log to the disk and free the folder; a second call does nothing."""
        if self._file >= 0:
            try:
                os.fsync(self._file)
            finally:
                self._free()

    def _free(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._lock.free()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _may_begin_a_log(path: Path) -> bool:
    """Whether a file without a whole line may be the beginning of a log."""
    with open_log(path) as file:
        begun = file.read(len(_BEGINNING))
    return _BEGINNING.startswith(begun)
