"""Write objects as GeoJSON, which QuPath and QGIS read.

In:  `Objects` of a picture.
Out: `geojson/STEM.geojson`, a FeatureCollection.

Must not know: how objects are made.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smalta.description.kinds import OBJECT_KINDS
from smalta.results.output import Output, Piece, WholeAnswer
from smalta.system.whole_files import write_bytes

if TYPE_CHECKING:
    from smalta.answers.objects import Objects

OUTLINED_BYTES = 69  # per pixel, while outlines are made


def _whole(answer: WholeAnswer, folder: Path) -> Piece:
    path = folder / f"{answer.picture.stem}.geojson"
    write_bytes(path, collection(answer.objects).encode())
    return Piece(file=path)


def collection(objects: Objects) -> str:
    """One feature per object, in order; polygons follow the edges of pixels, x to the right, y downwards.

    The properties are "class" and "classification" as in data sets of smalta and QuPath, "number" (that of the instance
    picture), "score", "area_px", and "attributes" with the value of each attribute that applies to the object.
    """
    from smalta.data.formats.geojson import as_feature, class_properties
    from smalta.data.formats.outlines import Region

    attributes = [(a.name, ["", *a.values], objects.attribute(a.name).tolist()) for a in objects.tree.attributes]
    features = []
    for row, (left, top, right, bottom) in enumerate(objects.boxes_xyxy.tolist()):
        properties: dict[str, Any] = {
            "number": row + 1,
            "score": round(float(objects.scores[row]), 4),
            "area_px": int(objects.areas[row]),
            "attributes": {name: texts[values[row]] for name, texts, values in attributes if values[row]},
            **class_properties(objects.tree, int(objects.classes[row])),
        }
        mask = objects.instances[top:bottom, left:right] == row + 1
        features.append(as_feature(Region(top, left, mask), properties))
    content = {"type": "FeatureCollection", "features": features}
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


GEOJSON = Output(
    name="geojson",
    help="geojson/STEM.geojson: outlines of the objects.",
    kinds=OBJECT_KINDS,
    folder="geojson",
    whole=_whole,
    bytes_per_pixel=lambda channels: OUTLINED_BYTES,
    imports=("smalta.data.formats.geojson",),
)
