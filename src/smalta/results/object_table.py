"""Write the objects of all pictures as lines of one CSV file.

In:  a class tree, `Objects`.
Out: `objects.csv`.

Must not know: how objects are made.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from smalta.description.kinds import OBJECT_KINDS
from smalta.results.output import AnswerInParts, JoinedFile, Output, Piece, WholeAnswer

if TYPE_CHECKING:
    from smalta.answers.objects import Objects
    from smalta.classes import ClassTree


def _piece(answer: WholeAnswer | AnswerInParts, _: Path) -> Piece:
    return Piece(added=rows(answer.picture.name, answer.objects))


def _join(tree: ClassTree, added: Iterable[str]) -> Iterator[bytes]:
    return (lines.encode(errors="surrogateescape") for lines in chain([header(tree)], added))


def header(tree: ClassTree) -> str:
    """The first line: `columns` as CSV."""
    return _csv([columns(tree)])


def columns(tree: ClassTree) -> list[str]:
    """Names of the columns.

    "picture" is the file's name, "id" the object's number in its instance picture, "class" the path of its class,
    "level_K" the path of its ancestor at level K, empty where the class lies above that level. A box goes from x0, y0
    to x1, y1, the first column and row beyond it. Positions are in pixels; the middle of the upper left pixel is 0, 0.
    Each attribute has a column with its name ("attribute_NAME" if that name is taken), which is empty for objects
    that it does not apply to.
    """
    levels = [f"level_{k}" for k in range(1, tree.n_levels + 1)]
    own = ["picture", "id", "class", *levels]
    own += ["score", "area_px", "x0", "y0", "x1", "y1", "centroid_y", "centroid_x"]
    return own + [f"attribute_{a.name}" if a.name in own else a.name for a in tree.attributes]


def rows(picture: str, objects: Objects) -> str:
    """One line per object, in order.

    Args:
        picture: the name of its file.
        objects: of one picture.
    """
    import numpy as np

    tree = objects.tree
    paths = np.array(["", *(node.path for node in tree)])
    return _csv(
        zip(
            [picture] * len(objects),
            range(1, len(objects) + 1),
            paths[objects.classes].tolist(),
            *(paths[objects.level(k)].tolist() for k in range(1, tree.n_levels + 1)),
            [f"{score:.4f}" for score in objects.scores.tolist()],
            objects.areas.tolist(),
            *objects.boxes_xyxy.T.tolist(),
            *([f"{place:.2f}" for place in axis] for axis in objects.centroids_yx.T.tolist()),
            *(np.array(["", *a.values])[objects.attribute(a.name)].tolist() for a in tree.attributes),
            strict=True,
        )
    )


def _csv(lines: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    return buffer.getvalue()


OBJECTS = Output(
    name="objects",
    kinds=OBJECT_KINDS,
    joined=JoinedFile(name="objects.csv", join=_join),
    whole=_piece,
    in_parts=_piece,
)
