"""Read the log of a watch, also while it is being written.

In:  DIR or DIR/events.jsonl.
Out: `LogReader`: the header and the events, one at a time.

A last line without its end is half-written: the watch is writing it, or was killed. It is not an event.

Must not know: how a log is written, what events mean.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from smalta.errors import DataError
from smalta.system.records import shown
from smalta.video.logbook.event_lines import Event
from smalta.video.logbook.log_header import LogHeader

EVENTS = "events.jsonl"
_BLOCK = 2**16  # bytes that are read at a time from the end of a log
_FIX = "name the folder or the events.jsonl of `smalta watch`"


class LogReader:
    """The events of a log, in the order of their lines; memory does not grow with the log.

    Args:
        path: of the log or its folder.

    Attributes:
        path: of the log.
        header: of the log.
        start: the first event, which holds the header.

    Raises:
        DataError: if there is no log.

    Example:
        >>> reader = LogReader("door")
        >>> [event.kind for event in reader]
        ['start', 'present', 'crossing', 'ended']
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self.path = path / EVENTS if path.is_dir() else path
        self.header, self.start = _start(self.path)

    def __iter__(self) -> Iterator[Event]:
        """All events, that of the header first.

        Raises:
            DataError: if a line is damaged; the sentence names it.
        """
        with open_log(self.path) as file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    yield Event.of_line(line, f"line {number} of {self.path}")

    @property
    def utc_of_zero(self) -> datetime | None:
        """When the stream's second 0 was, by the clock at the beginning; None for files.

        Raises:
            DataError: if the log begins at no time.
        """
        if self.start.utc is None:
            return None
        try:
            moment = datetime.fromisoformat(self.start.utc)
        except ValueError as error:
            raise DataError(f"line 1 of {self.path} has the time {shown(self.start.utc)}; {_FIX}") from error
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - timedelta(seconds=self.start.time_s)

    @property
    def note(self) -> str | None:
        """What was left out, as a sentence."""
        whole = whole_bytes(self.path)
        return f"the half-written last line of {self.path} is not counted" if whole < self.path.stat().st_size else None


def open_log(path: Path) -> BinaryIO:
    """The file, for reading.

    Raises:
        DataError: if it cannot be opened.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); {_FIX}") from error


def header_of(path: Path) -> LogHeader:
    """The header of a log.

    Raises:
        DataError: if its first line is not a header that this version reads.
    """
    return _start(path)[0]


def _start(path: Path) -> tuple[LogHeader, Event]:
    with open_log(path) as file:
        line = file.readline(2**20)
    if not line.endswith(b"\n"):
        raise DataError(f"{path} holds no whole line; {_FIX}")
    first = Event.of_line(line, f"line 1 of {path}")
    if first.kind != "start":
        raise DataError(f"line 1 of {path} is {summary(line)}, not the start of a log; {_FIX}")
    return LogHeader.of_value(first.value, str(path)), first


def whole_bytes(path: Path) -> int:
    """Bytes of the file up to and with the end of its last whole line."""
    with open_log(path) as file:
        end = file.seek(0, os.SEEK_END)
        return _newline_before(file, end) + 1


def last_whole_line(path: Path) -> tuple[Event, int]:
    """The event of the last line of a file that ends on a whole line, and the byte at which it begins.

    Raises:
        DataError: if the line is damaged.
    """
    with open_log(path) as file:
        end = file.seek(0, os.SEEK_END)
        at = _newline_before(file, end - 1) + 1
        file.seek(at)
        return Event.of_line(file.readline(), f"the last line of {path}"), at


def _newline_before(file: BinaryIO, end: int) -> int:
    """Place of the last newline before `end`; -1 without one."""
    while end > 0:
        start = max(end - _BLOCK, 0)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found
        end = start
    return -1


def summary(line: bytes) -> str:
    """A line for a sentence: time, kind, name, track and way."""
    try:
        event = Event.of_line(line, "it")
    except DataError:
        return "damaged"
    names = [event.kind, event.name or event.zone or "", event.way or ""]
    track = "" if event.track is None else f" of track {event.track}"
    return " ".join(filter(None, names)) + f"{track} at {event.time_s:g} s"
