"""Count the objects in many pictures.

In:  a predictor, paths of pictures.
Out: `CountTable`: the count of every class of things with its interval; as CSV or JSON.

Must not know: how objects are found, how intervals are learned, how a table is shown.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smalta.answers.count_intervals import NONE, CountCalibration
from smalta.answers.decoding import USUAL
from smalta.classes import ClassTree
from smalta.description.kinds import OBJECT_KINDS, Kind
from smalta.errors import ConfigError, DataError
from smalta.inference.each_picture import Failure, each_picture
from smalta.inference.in_parts import large_objects
from smalta.inference.predictor import Predictor
from smalta.inference.watchdog import PATIENCE, Reached, Stalled, Watchdog
from smalta.metrics.node_counts import node_counts
from smalta.pictures.large_pictures import Rows
from smalta.system.whole_files import write_bytes

SUFFIXES = (".csv", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCount:
    """The count of one class.

    Attributes:
        node: path of the class.
        level: its depth in the class tree, 1 at the top.
        count: objects of the class and its descendants.
        low: lower end of the interval, included; None without an interval.
        high: upper end of the interval, included; None without an interval.
    """

    node: str
    level: int
    count: int
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTable:
    """Counts of P pictures.

    Attributes:
        tree: the classes.
        pictures: their paths.
        counts: (P, N + 1) int64 by node id; a parent's is the sum of its children's.
        calibration: the source of the intervals; None if the model has none.
        failed: path and reason of each picture that could not be counted.
        level: the deepest reported level of the class tree.

    Example:
        >>> table = count("run", "scenes/test/images")
        >>> table.to_csv().splitlines()[0]
        'picture,class,level,count,low,high'
    """

    tree: ClassTree
    pictures: tuple[Path, ...]
    counts: np.ndarray
    calibration: CountCalibration | None
    failed: tuple[tuple[Path, str], ...]
    level: int

    @property
    def note(self) -> str | None:
        """Why there are no intervals; None if intervals are possible."""
        if self.calibration is None:
            return "no intervals of counts: the model was trained without validation pictures with labelled objects"
        return self.calibration.shortage

    def rows(self) -> Iterator[tuple[Path, list[NodeCount]]]:
        """For each picture, the counts of things down to the level, parents before children."""
        low = high = np.full(self.counts.shape, NONE)
        if self.calibration is not None:
            low, high = self.calibration.intervals(self.tree, self.counts)
        for picture, *values in zip(self.pictures, self.counts.tolist(), low.tolist(), high.tolist(), strict=True):
            yield picture, [self._node(node, *(numbers[node] for numbers in values)) for node in self._nodes()]

    def totals(self) -> list[NodeCount]:
        """Sums over the pictures; `smalta.answers.count_intervals` explains why they have no interval."""
        sums = self.counts.sum(axis=0).tolist()
        return [self._node(node, sums[node], NONE, NONE) for node in self._nodes()]

    def _nodes(self) -> list[int]:
        return [n.id for n in self.tree if self.tree.is_thing[n.id] and n.depth <= self.level]

    def _node(self, node: int, count: int, low: int, high: int) -> NodeCount:
        ends = (None, None) if high == NONE else (low, high)
        return NodeCount(node=self.tree.name(node), level=self.tree[node].depth, count=count, low=ends[0], high=ends[1])

    def to_csv(self) -> str:
        """One line per picture and class: picture, class, level, count, low, high."""
        buffer = io.StringIO()
        lines = csv.writer(buffer, lineterminator="\n")
        lines.writerow(["picture", "class", "level", "count", "low", "high"])
        for picture, nodes in self.rows():
            lines.writerows([picture, n.node, n.level, n.count, n.low, n.high] for n in nodes)
        return buffer.getvalue()

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data for JSON."""

        def told(nodes: Sequence[NodeCount]) -> list[dict[str, Any]]:
            return [{"class": n.node, "level": n.level, "count": n.count, "low": n.low, "high": n.high} for n in nodes]

        return {
            "coverage": None if self.note or self.calibration is None else self.calibration.coverage,
            "note": self.note,
            "pictures": [{"picture": str(picture), "counts": told(nodes)} for picture, nodes in self.rows()],
            "totals": [{"class": n.node, "level": n.level, "count": n.count} for n in self.totals()],
            "failed": [{"picture": str(picture), "reason": reason} for picture, reason in self.failed],
        }


def count_files(
    predictor: Predictor,
    pictures: Sequence[Path],
    *,
    out: Path | None = None,
    level: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    stalled: Stalled | None = None,
    patience: float = PATIENCE,
) -> CountTable:
    """Count the objects of pictures, several at a time; a picture that fails does not stop the others.

    Args:
        predictor: a model with objects.
        pictures: paths.
        out: the file to write, `.csv` or `.json`; after Ctrl-C it holds the finished pictures.
        level: the deepest level of the class tree to report; None for all.
        progress: called after each picture with the number of finished and of all pictures.
        stalled: called with a picture, its stage and the seconds since its last progress, if these reach `patience`.
        patience: seconds without progress until `stalled` is called.

    Raises:
        ConfigError: if the model cannot find objects, or `out` has another suffix.
        ClassTreeError: if the tree lacks the level.
        DataError: if `out` cannot be written.
    """
    kind: Kind = predictor.kind if predictor.kind in OBJECT_KINDS else "instance"
    predictor.rule_for(kind)
    deepest = predictor.tree.n_levels if level is None else level
    predictor.tree.level(deepest)
    if out is not None:
        _check_writable(out)
    found: list[np.ndarray | Failure] = []

    def table() -> CountTable:
        return _table(predictor, pictures[: len(found)], found, deepest)

    results = each_picture(predictor, pictures, _Counting(predictor, kind), watchdog=Watchdog(stalled, patience))
    try:
        with closing(results):
            for result in results:
                found.append(result)
                if progress:
                    progress(len(found), len(pictures))
    finally:  # also after Ctrl-C
        if out is not None and found:
            _write(out, table())
    return table()


class _Counting:
    """Counts objects; see `smalta.inference.each_picture.Work`."""

    def __init__(self, predictor: Predictor, kind: Kind) -> None:
        self._predictor, self._kind = predictor, kind

    def whole(self, picture: Path, pixels: np.ndarray, reached: Reached) -> np.ndarray:
        """Count the objects of a picture in memory."""
        reached("network")
        maps = self._predictor.maps(pixels)
        reached("decoding")
        objects = self._predictor.answer(maps, (pixels.shape[0], pixels.shape[1]), self._kind, USUAL).objects
        assert objects is not None  # of an object kind
        return node_counts(self._predictor.tree, objects.classes)

    def in_parts(self, picture: Path, source: Rows, reached: Reached) -> np.ndarray:
        """Count the objects of a picture that does not fit in memory."""
        return node_counts(self._predictor.tree, large_objects(self._predictor, source, reached).classes)


def _table(
    predictor: Predictor, pictures: Sequence[Path], found: Sequence[np.ndarray | Failure], level: int
) -> CountTable:
    """The table of these pictures with their counts or failures."""
    tree = predictor.tree
    pairs = list(zip(pictures, found, strict=True))
    counts = [result for _, result in pairs if not isinstance(result, Failure)]
    return CountTable(
        tree=tree,
        pictures=tuple(picture for picture, result in pairs if not isinstance(result, Failure)),
        counts=np.array(counts, dtype=np.int64).reshape(-1, len(tree) + 1),
        calibration=predictor.info.counting,
        failed=tuple((picture, result.reason) for picture, result in pairs if isinstance(result, Failure)),
        level=level,
    )


def _check_writable(out: Path) -> None:
    if out.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{out} must end in {' or '.join(SUFFIXES)}, which sets the format")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"the folder {out.parent} cannot be created: {error}") from error
    if out.is_dir():
        raise ConfigError(f"{out} is a folder, and the counts need a file; set another path")


def _write(out: Path, table: CountTable) -> None:
    text = table.to_csv() if out.suffix.lower() == ".csv" else json.dumps(table.to_dict(), indent=1) + "\n"
    write_bytes(out, text.encode(errors="surrogateescape"))
