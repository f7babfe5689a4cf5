"""Windows of time in which people counted.

In:  a CSV file.
Out: `CountedWindow`s.

    from,to,name,in,out
    0,300,door,12,9
    00:05:00,00:10:00,door,7,11

`from` and `to` are seconds of the stream, HH:MM:SS of the stream, or, for live sources, times in ISO 8601 such as
2026-11-30T14:00:00Z. `name` is a line or a zone and may be missing where the log has only one. `node` is the path of a
class and may be missing. An empty cell was not counted.

Must not know: logs, intervals.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from smalta.errors import DataError
from smalta.system.records import shown

COLUMNS = ("from", "to", "name", "node", "in", "out")
NEEDED = ("from", "to")
MOST_COUNTED = 10**6
_CLOCK = re.compile(r"(\d+):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedWindow:
    """What people counted in one window.

    Attributes:
        row: of the file, from 2 on; the names of the columns are row 1.
        from_s: seconds of the stream.
        to_s: seconds of the stream, excluded.
        name: of the line or zone; None if the row names none.
        node: path of the class; None if the row names none.
        counted: by way ("in", "out"), as far as it was counted.
    """

    row: int
    from_s: float
    to_s: float
    name: str | None
    node: str | None
    counted: Mapping[str, int]


def read_windows(path: str | Path, utc_of_zero: datetime | None) -> list[CountedWindow]:
    """The windows of a file, in its order.

    Args:
        path: of the CSV file.
        utc_of_zero: when the stream's second 0 was, for live sources; None for files.

    Raises:
        DataError: if the file cannot be read, a column is missing or unknown, or a cell is wrong.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text: {error}") from error
    try:
        lines = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise DataError(f"{path} is not CSV ({error}); write the columns {','.join(COLUMNS)}") from error
    names = [name.strip().lower() for name in lines[0]] if lines else []
    _check_columns(names, path)
    windows = []
    for row, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            raise DataError(f"row {row} of {path} has {len(cells)} cells, and there are {len(names)} columns")
        values = dict(zip(names, (cell.strip() for cell in cells), strict=True))
        windows.append(_window(row, values, f"row {row} of {path}", utc_of_zero))
    return windows


def _check_columns(names: list[str], path: str | Path) -> None:
    for name in names:
        if name not in COLUMNS:
            raise DataError(f"{path} has the column {shown(name)}; its columns are {', '.join(COLUMNS)}")
    if len(set(names)) < len(names):
        raise DataError(f"{path} has a column twice; its columns are {', '.join(COLUMNS)}")
    for name in NEEDED:
        if name not in names:
            raise DataError(f"{path} lacks the column {name!r}; its columns are {', '.join(COLUMNS)}")
    if "in" not in names and "out" not in names:
        raise DataError(f"{path} has neither the column 'in' nor 'out'; write what was counted there")


def _window(row: int, values: Mapping[str, str], where: str, utc_of_zero: datetime | None) -> CountedWindow:
    since, to = (_seconds(values[name], f"{where}: {name!r}", utc_of_zero) for name in NEEDED)
    if not since < to:
        raise DataError(f"{where} ends at {values['to']}, and it begins at {values['from']}; 'to' must be later")
    counted = {way: _count(values[way], f"{where}: {way!r}") for way in ("in", "out") if values.get(way)}
    if not counted:
        raise DataError(f"{where} has no count; write a number under 'in' or 'out', or remove the row")
    return CountedWindow(
        row=row,
        from_s=since,
        to_s=to,
        name=values.get("name") or None,
        node=values.get("node") or None,
        counted=counted,
    )


def _count(text: str, where: str) -> int:
    if not re.fullmatch(r"[0-9]{1,7}", text) or int(text) > MOST_COUNTED:
        raise DataError(f"{where} is {shown(text)}; write a whole number from 0 to {MOST_COUNTED}")
    return int(text)


def _seconds(text: str, where: str, utc_of_zero: datetime | None) -> float:
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?", text):
        return float(text)
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = clock.groups(default="0")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        fix = "write seconds, HH:MM:SS, or a time such as 2026-11-30T14:00:00Z"
        raise DataError(f"{where} is {shown(text)}, which is no time; {fix}") from error
    if utc_of_zero is None:
        raise DataError(f"{where} is {shown(text)}, and the log of a file has no clock; write seconds or HH:MM:SS")
    if moment.tzinfo is None:
        raise DataError(f"{where} is {shown(text)} without a time zone; add Z for UTC, or an offset such as +01:00")
    return (moment.astimezone(UTC) - utc_of_zero).total_seconds()
