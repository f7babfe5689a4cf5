"""Write what is in every picture as lines of one CSV file: a line for each picture and node of the class tree.

In:  `Presence`.
Out: `presence.csv`.

Must not know: how presence is found.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from smalta.results.output import AnswerInParts, JoinedFile, Output, Piece, WholeAnswer

if TYPE_CHECKING:
    from smalta.answers.presence import NodePresence, Presence
    from smalta.answers.scale import Scale
    from smalta.classes import ClassTree

COLUMNS = (
    "picture",
    "class",
    "level",
    "present",
    "probability",
    "share",
    "area_px",
    "objects",
    "region_area_px",
    "region_x0",
    "region_y0",
    "region_x1",
    "region_y1",
    "region_length_px",
    "region_width_px",
    "area_mm2",
    "region_area_mm2",
    "region_length_mm",
    "region_width_mm",
)


def _piece(answer: WholeAnswer | AnswerInParts, _: Path) -> Piece:
    return Piece(added=rows(answer.picture.name, answer.presence, answer.scale, answer.decoding.level))


def _join(tree: ClassTree, added: Iterable[str]) -> Iterator[bytes]:
    return (lines.encode(errors="surrogateescape") for lines in chain([_csv([columns(tree)])], added))


def columns(tree: ClassTree) -> list[str]:
    """Names of the columns: `COLUMNS`, then "ATTRIBUTE=VALUE" for each value of each attribute."""
    return [*COLUMNS, *(f"{a.name}={value}" for a in tree.attributes for value in a.values)]


def rows(picture: str, presence: Presence, scale: Scale | None = None, level: int | None = None) -> str:
    """One line per node, in the order of the tree.

    Args:
        picture: the name of its file.
        presence: of its nodes.
        scale: size of a pixel; without it, the columns in mm are empty.
        level: the deepest level of the class tree; None for all.
    """
    shown = [node for node in presence if level is None or node.level <= level]
    return _csv([picture, *_cells(node, presence.tree, scale)] for node in shown)


def _cells(node: NodePresence, tree: ClassTree, scale: Scale | None) -> list[object]:
    region, mm = node.region, None if scale is None else scale.mm_per_px
    sizes: list[object] = [""] * 7
    if region is not None:
        sizes = [region.area, *region.box_xyxy, f"{region.length:.1f}", f"{region.width:.1f}"]
    in_mm = [""] * 4
    if mm is not None:
        in_mm[0] = f"{node.area * mm * mm:.6g}"
        if region is not None:
            in_mm[1:] = [f"{v:.6g}" for v in (region.area * mm * mm, region.length * mm, region.width * mm)]
    return [
        node.node,
        node.level,
        "yes" if node.present else "no",
        "" if node.probability is None else f"{node.probability:.4f}",
        f"{node.share:.6f}",
        node.area,
        "" if node.objects is None else node.objects,
        *sizes,
        *in_mm,
        *(_share(node, a.name, value) for a in tree.attributes for value in a.values),
    ]


def _share(node: NodePresence, attribute: str, value: str) -> str:
    shares = node.values.get(attribute)
    return "" if shares is None else f"{shares[value]:.4f}"


def _csv(lines: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    return buffer.getvalue()


PRESENCE = Output(
    name="presence",
    joined=JoinedFile(name="presence.csv", join=_join),
    whole=_piece,
    in_parts=_piece,
)
