"""Say of each object what files of outlines hold: its pixels, its score, its attributes.

In:  `Objects` of a picture.
Out: `ObjectEntry`s, in their order; JSON without spaces.

Must not know: any one format.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smalta.answers.objects import Objects
    from smalta.data.formats.outlines import Region

OUTLINED_BYTES = 69  # per pixel, while outlines are made


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEntry:
    """One object.

    Attributes:
        number: in the instance picture, from 1.
        node: id of its class; 0 without a class.
        region: its pixels.
        score: rounded to 4 digits.
        attributes: the value of each attribute that applies to the object, by the attribute's name.
    """

    number: int
    node: int
    region: Region
    score: float
    attributes: Mapping[str, str]


def object_entries(objects: Objects) -> Iterator[ObjectEntry]:
    """The objects of a picture, in their order."""
    from smalta.data.formats.outlines import Region

    attributes = [(a.name, ["", *a.values], objects.attribute(a.name).tolist()) for a in objects.tree.attributes]
    for row, (left, top, right, bottom) in enumerate(objects.boxes_xyxy.tolist()):
        yield ObjectEntry(
            number=row + 1,
            node=int(objects.classes[row]),
            region=Region(top, left, objects.instances[top:bottom, left:right] == row + 1),
            score=round(float(objects.scores[row]), 4),
            attributes={name: texts[values[row]] for name, texts, values in attributes if values[row]},
        )


def compact(value: object) -> str:
    """JSON without spaces, as UTF-8 text."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
