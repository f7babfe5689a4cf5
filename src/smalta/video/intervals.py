"""How far the counts of a camera are off, learned from windows in which people counted.

In:  a log, and a CSV file of such windows.
Out: `Checked`: both counts of each window; `WatchIntervals`: 90 % intervals for further windows of that length.

The intervals are those of `smalta.answers.count_intervals`, with windows in place of pictures: a window's score is
|true - counted| / sqrt(counted + 1), where the doubtful crossings are counted too. They hold for further windows of
that length that are like the learned ones: the same camera, model and rules, and a like mix of hours. At least nine
windows are needed; windows with a count of zero are learned apart from the others.

The file intervals.json beside the log holds what was learned. It is used only for the model and the rules of its log.

Must not know: tracks, how crossings are found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np

from smalta.answers.count_intervals import COVERAGE, NONE, NodeErrors, least_pictures
from smalta.errors import DataError, SmaltaError
from smalta.system.records import parse_json, read_record
from smalta.system.whole_files import write_bytes
from smalta.video.counts import Passage, lineage, passage_of
from smalta.video.logbook.log_header import LogHeader
from smalta.video.logbook.log_reading import LogReader
from smalta.video.logbook.truth_windows import CountedWindow, read_windows

FILE = "intervals.json"
SAME_LENGTH = 0.01  # by which windows of "one length" may differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """The errors of the counts of one node at one line or zone, one way.

    Attributes:
        of, name, node, way: what was counted.
        errors: of the windows, in place of pictures.
    """

    of: str
    name: str
    node: str
    way: str
    errors: NodeErrors


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchIntervals:
    """What was learned about the counts of one camera.

    Attributes:
        window_s: length of the windows, seconds.
        coverage: share of the windows whose true count an interval holds, at least.
        model, rules: digests of the log.
        learned: errors of the counts.
    """

    window_s: float
    coverage: float
    model: str
    rules: str
    learned: tuple[Learned, ...]

    def ends(self, of: str, name: str, node: str, way: str, count: int) -> tuple[int, int] | None:
        """The interval of the count of a window of the learned length; None without one.

        Args:
            of: "line" or "zone".
            name: of the line or zone.
            node: path of the class.
            way: in or out.
            count: the doubtful crossings included.
        """
        for one in self.learned:
            if (one.of, one.name, one.node, one.way) == (of, name, node, way):
                low, high = (int(ends[0]) for ends in one.errors.ends(np.array([count])))
                return None if low == NONE else (low, high)
        return None

    def write(self, folder: Path) -> Path:
        """Write the file of a log's folder; an earlier one is replaced.

        Raises:
            DataError: if it cannot be written.
        """
        path = folder / FILE
        write_bytes(path, (json.dumps(asdict(self), indent=2) + "\n").encode())
        return path

    @classmethod
    def beside(cls, log: Path, header: LogHeader) -> tuple[Self | None, list[str]]:
        """What was learned for a log, and sentences about a file that does not fit.

        Args:
            log: path of events.jsonl.
            header: of the log.
        """
        path = log.parent / FILE
        if not path.exists():
            return None, []
        try:
            made = read_record(cls, parse_json(path.read_bytes()), what=str(path), complete=True)
        except (SmaltaError, OSError) as error:
            return None, [f"no intervals, because {path} cannot be used: {error}; learn them again with watch-check"]
        if (made.model, made.rules) != (header.model, header.rules):
            return None, [f"no intervals, because {path} is about another model or other rules; learn them again"]
        return made, []


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One window, counted by people and by the watch.

    Attributes:
        row: of the file.
        from_s, to_s: seconds of the stream.
        of, name, node, way: what was counted.
        true: what people counted.
        low: what the watch counted without doubt.
        high: the doubtful crossings included.
    """

    row: int
    from_s: float
    to_s: float
    of: str
    name: str
    node: str
    way: str
    true: int
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The counts of a watch against those of people.

    Attributes:
        compared: in the order of the file.
        intervals: what was learned; None if nothing can be.
        notes: sentences about windows that were not used, and about what could not be learned.
    """

    compared: tuple[Compared, ...]
    intervals: WatchIntervals | None
    notes: tuple[str, ...]

    @property
    def error(self) -> float | None:
        """Sum of |counted - true| relative to the sum of true counts; None if nothing was there to count."""
        total = sum(one.true for one in self.compared)
        return sum(abs(one.high - one.true) for one in self.compared) / total if total else None


def watch_check(events: str | Path, truth: str | Path) -> Checked:
    """Compare the counts of a log with those of people, and learn intervals for further windows of that length.

    What is learned is written to intervals.json beside the log, where `replay` finds it.

    Args:
        events: events.jsonl or its folder.
        truth: a CSV file (`smalta.video.logbook.truth_windows`).

    Raises:
        DataError: if a file cannot be read, the windows have several lengths or overlap, lie outside of the log, or
            name what the log does not count.

    Example:
        >>> checked = watch_check("watched", "counted.csv")
        >>> len(checked.compared), checked.intervals is None
        (2, True)
    """
    reader = LogReader(events)
    windows = read_windows(truth, reader.utc_of_zero)
    if not windows:
        raise DataError(f"{truth} has no windows; write a row for each window that was counted")
    wanted = [_Wanted.of_window(window, reader.header, truth) for window in windows]
    length = _one_length(windows, truth)
    passages, gaps, last_s = _passages(reader)
    notes, compared = [], []
    for window, target in zip(windows, wanted, strict=True):
        if window.to_s > last_s + SAME_LENGTH * length or window.from_s < reader.start.time_s - SAME_LENGTH * length:
            raise DataError(
                f"row {window.row} of {truth} lies outside of the log, which has the seconds "
                f"{reader.start.time_s:g} to {last_s:g}; correct or remove it"
            )
        if any(since < window.to_s and to > window.from_s for since, to in gaps):
            notes.append(f"row {window.row} was not used, because the watch did not see all of it")
            continue
        compared += _compare(window, target, passages)
    _check_overlaps(compared, truth)
    learned = _learn(compared, notes)
    intervals = None
    if learned:
        header = reader.header
        intervals = WatchIntervals(
            window_s=length, coverage=COVERAGE, model=header.model, rules=header.rules, learned=tuple(learned)
        )
        intervals.write(reader.path.parent)
    return Checked(compared=tuple(compared), intervals=intervals, notes=tuple(notes))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a row of the file is about, as the log names it."""

    of: str
    name: str
    node: str

    @classmethod
    def of_window(cls, window: CountedWindow, header: LogHeader, truth: str | Path) -> _Wanted:
        known = [("line", name, node) for name, node in header.lines.items()]
        known += [("zone", name, node) for name, node in header.zones.items()]
        names = ", ".join(name for _, name, _ in known) or "none"
        of_lines = [one for one in known if one[0] == "line"]
        if window.name is None:
            found = of_lines if len(of_lines) == 1 else known
            if len(found) != 1:
                raise DataError(f"row {window.row} of {truth} names no line; write one of {names} under 'name'")
        else:
            found = [one for one in known if one[1] == window.name]
            if not found:
                raise DataError(
                    f"row {window.row} of {truth} names {window.name!r}, which the log does not count; it has {names}"
                )
        of, name, node = found[0]
        if window.node is not None and node and node not in lineage(window.node):
            raise DataError(
                f"row {window.row} of {truth} counts {window.node!r}, and {name} counts {node!r} and what lies below"
            )
        return cls(of=of, name=name, node=window.node or node)


def _one_length(windows: Sequence[CountedWindow], truth: str | Path) -> float:
    first = windows[0].to_s - windows[0].from_s
    for window in windows:
        length = window.to_s - window.from_s
        if abs(length - first) > SAME_LENGTH * first:
            raise DataError(
                f"row {window.row} of {truth} lasts {length:g} s, and row {windows[0].row} lasts {first:g} s; "
                "intervals hold for windows of one length, so give each length a file of its own"
            )
    return first


_Key = tuple[str, str, str, str]  # of, name, node, way


def _passages(reader: LogReader) -> tuple[dict[_Key, list[tuple[float, bool]]], list[tuple[float, float]], float]:
    """Moments of all passages with whether they are sure, gaps, and the last second of the log."""
    found: dict[_Key, list[tuple[float, bool]]] = {}
    gaps, last_s = [], 0.0
    for event in reader:
        last_s = max(last_s, event.time_s)
        if event.kind == "unseen":
            gaps.append((float(event.value["from_s"]), float(event.value["to_s"])))
        if (passage := passage_of(event)) is not None:
            for node in ("", *lineage(event.node)):
                found.setdefault(_key(passage, node), []).append((event.time_s, passage.sure))
    return found, gaps, last_s


def _key(passage: Passage, node: str) -> _Key:
    return passage.of, passage.name, node, passage.way


def _compare(
    window: CountedWindow, target: _Wanted, passages: Mapping[_Key, Sequence[tuple[float, bool]]]
) -> list[Compared]:
    found = []
    for way, true in window.counted.items():
        inside = [
            sure
            for at, sure in passages.get((target.of, target.name, target.node, way), ())
            if window.from_s <= at < window.to_s
        ]
        one = Compared(
            row=window.row,
            from_s=window.from_s,
            to_s=window.to_s,
            of=target.of,
            name=target.name,
            node=target.node,
            way=way,
            true=true,
            low=sum(inside),
            high=len(inside),
        )
        found.append(one)
    return found


def _groups(compared: Sequence[Compared]) -> dict[_Key, list[Compared]]:
    groups: dict[_Key, list[Compared]] = {}
    for one in compared:
        groups.setdefault((one.of, one.name, one.node, one.way), []).append(one)
    return groups


def _check_overlaps(compared: Sequence[Compared], truth: str | Path) -> None:
    for group in _groups(compared).values():
        ordered = sorted(group, key=lambda one: (one.from_s, one.row))
        for before, after in pairwise(ordered):
            if after.from_s < before.to_s - 1e-6:
                raise DataError(
                    f"rows {before.row} and {after.row} of {truth} overlap; each second may be in one window only"
                )


def _learn(compared: Sequence[Compared], notes: list[str]) -> list[Learned]:
    """The errors of all that was counted often enough; a note says what was not."""
    least, learned = least_pictures(COVERAGE), []
    for (of, name, node, way), group in _groups(compared).items():
        errors = NodeErrors.learned(np.array([one.high for one in group]), np.array([one.true for one in group]))
        what = f"{name} {way} of {node or 'all'}"
        if len(group) < least:
            notes.append(f"no interval for {what}: it needs at least {least} windows, and there are {len(group)}")
        elif errors.found is None and errors.empty is None:
            notes.append(
                f"no interval for {what}: it needs at least {least} windows in which the watch counted something, or "
                f"{least} in which it counted nothing"
            )
        else:
            learned.append(Learned(of=of, name=name, node=node, way=way, errors=errors))
            if errors.found is None or errors.empty is None:
                missing = "something" if errors.found is None else "nothing"
                notes.append(
                    f"no interval for windows in which the watch counts {missing} at {what}: fewer than {least} such "
                    "windows"
                )
    return learned
