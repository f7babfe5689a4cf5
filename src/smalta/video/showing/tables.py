"""counts.csv: a row for each second of a watch, as the log tells it.

In:  events in the order of the log, and how far the stream has come.
Out: DIR/counts.csv; its columns for charts.

    second, utc              the second of the stream; when it ended, for live sources
    inside:ZONE              objects inside at its end; empty where nobody looked
    taken:PLACE, taken       1 or 0; the number of places that are taken
    in:LINE, out:LINE        sure crossings so far
    in_high:LINE, out_high:LINE   the doubtful ones included

A crossing is known a moment after it happened. So the row of a second is written `LATE_S` seconds later; what is later
still counts from the next row on.

Must not know: frames, tracks, how the log is written.
"""

from __future__ import annotations

import csv
import heapq
import io
import math
import os
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from smalta.errors import DataError
from smalta.video.counts import Counts
from smalta.video.logbook.event_lines import Event
from smalta.video.showing.charts import Columns

FILE = "counts.csv"
LATE_S = 10  # seconds that an event may be known later than it happened


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the columns are about.

    Attributes:
        zones: where things are counted.
        places: zones that are free or taken.
        lines: that are crossed.
        live: whether a row has the time in UTC.
    """

    zones: tuple[str, ...]
    places: tuple[str, ...]
    lines: tuple[str, ...]
    live: bool

    def header(self) -> list[str]:
        """Names of the columns."""
        return [
            "second",
            *(["utc"] if self.live else []),
            *(f"inside:{zone}" for zone in self.zones),
            *(f"taken:{place}" for place in self.places),
            *(["taken"] if self.places else []),
            *(f"{way}:{line}" for line in self.lines for way in ("in", "out", "in_high", "out_high")),
        ]


class SecondsTable:
    """Writes counts.csv.

    Args:
        folder: of the file.
        names: of the columns.
        first_s: seconds of the stream at which the watch begins.
        state: of an earlier table, to go on with its file; None to begin a new one.

    Attributes:
        counts: of the rows that are written.

    Raises:
        DataError: if the file cannot be written.
    """

    def __init__(self, folder: Path, names: Names, *, first_s: float, state: Mapping[str, Any] | None = None) -> None:
        self._path, self._names = folder / FILE, names
        self.counts = Counts()
        self._waiting: list[tuple[float, int, Event]] = []
        self._added = 0
        self._second = math.floor(first_s)
        self._unseen: list[tuple[float, float]] = []
        kept = 0
        if state is not None:
            self.counts = Counts.restored(state["counts"])
            self._second, self._added, kept = state["second"], state["added"], state["bytes"]
            self._waiting = [(entry["time_s"], number, Event(**entry)) for number, entry in state["waiting"]]
            self._unseen = [(start, end) for start, end in state["unseen"]]
        try:
            self._file = self._path.open("r+b" if kept and self._path.exists() else "wb")
            self._file.truncate(min(kept, self._path.stat().st_size))
            self._file.seek(0, os.SEEK_END)
            if not self._file.tell():
                self._write([names.header()])
        except OSError as error:
            raise self._unwritable(error) from error

    def add(self, event: Event) -> None:
        """Take the next event of the log."""
        if event.kind == "unseen":
            self._unseen.append((float(event.value["from_s"]), float(event.value["to_s"])))
        heapq.heappush(self._waiting, (event.time_s, self._added, replace(event, evidence=None)))
        self._added += 1

    def reach(self, time_s: float, utc_s: float | None = None, *, late_s: float = LATE_S) -> None:
        """Write the rows of all seconds that ended `late_s` before a moment.

        Args:
            time_s: seconds of the stream.
            utc_s: the same moment in Unix seconds; None for files.
            late_s: 0 at the end of a watch.
        """
        rows = []
        while self._second + 1 + late_s <= time_s:
            rows.append(self._row(None if utc_s is None else utc_s - (time_s - self._second - 1)))
        if rows:
            try:
                self._write(rows)
            except OSError as error:
                raise self._unwritable(error) from error

    def state(self) -> dict[str, Any]:
        """Plain data, with which another table goes on."""
        return {
            "counts": self.counts.state(),
            "second": self._second,
            "added": self._added,
            "bytes": self._file.tell(),
            "waiting": [[number, event.to_dict()] for _, number, event in self._waiting],
            "unseen": [list(gap) for gap in self._unseen],
        }

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _row(self, utc_s: float | None) -> list[object]:
        begin, end = self._second, self._second + 1
        self._second = end
        while self._waiting and self._waiting[0][0] < end:
            self.counts.add(heapq.heappop(self._waiting)[2])
        self._unseen = [gap for gap in self._unseen if gap[1] > begin]
        blind = any(start <= begin and end <= stop for start, stop in self._unseen)
        inside = ["" if blind else self.counts.occupancy(zone) for zone in self._names.zones]
        taken = [int(self.counts.occupancy(place) > 0) for place in self._names.places]
        row: list[object] = [begin, *([_iso(utc_s)] if self._names.live else []), *inside]
        row += ([""] * (len(taken) + 1) if blind else [*taken, sum(taken)]) if taken else []
        for line in self._names.lines:
            passed = self.counts.passed(line)
            row += [passed.in_low, passed.out_low, passed.in_high, passed.out_high]
        return row

    def _write(self, rows: Sequence[Sequence[object]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._file.write(text.getvalue().encode())
        self._file.flush()

    def _unwritable(self, error: OSError) -> DataError:
        return DataError(
            f"{self._path} cannot be written ({error.strerror}); free space, or set another folder with --out"
        )


def _iso(utc_s: float | None) -> str:
    return "" if utc_s is None else datetime.fromtimestamp(round(utc_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_columns(folder: Path, names: Names) -> Columns:
    """The columns of counts.csv for charts.

    Args:
        folder: of the file.
        names: of its columns.
    """
    header = names.header()
    columns = {name: array("d") for name in header if name != "utc"}
    ended = ""
    with (folder / FILE).open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows, None)
        for row in rows:
            cells = dict(zip(header, row, strict=True))
            ended = ended or cells.pop("utc", "")
            for name, values in columns.items():
                values.append(float(cells[name] or "nan"))
    seconds = columns["second"]
    begin = int(seconds[0]) if seconds else 0
    if ended:
        moment = datetime.fromisoformat(ended)
        begin = moment.hour * 3600 + moment.minute * 60 + moment.second - 1

    def column(name: str) -> np.ndarray:
        return np.array(columns[name])

    return Columns(
        begin_s=begin,
        of_day=names.live,
        zones={zone: column(f"inside:{zone}") for zone in names.zones},
        places={place: column(f"taken:{place}") for place in names.places},
        lines={line: (column(f"in:{line}"), column(f"out:{line}")) for line in names.lines},
    )
