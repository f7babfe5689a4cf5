"""Write objects as GeoJSON, which QuPath and QGIS read.

In:  `Objects` of a picture.
Out: `geojson/STEM.geojson`, a FeatureCollection.

Must not know: how objects are made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from smalta.description.kinds import OBJECT_KINDS
from smalta.results.object_entries import OUTLINED_BYTES, compact, object_entries
from smalta.results.output import Output, Piece, WholeAnswer
from smalta.system.whole_files import write_bytes

if TYPE_CHECKING:
    from smalta.answers.objects import Objects


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

    features = []
    for one in object_entries(objects):
        properties: dict[str, Any] = {
            "number": one.number,
            "score": one.score,
            "area_px": int(objects.areas[one.number - 1]),
            "attributes": one.attributes,
            **class_properties(objects.tree, one.node),
        }
        features.append(as_feature(one.region, properties))
    return compact({"type": "FeatureCollection", "features": features})


GEOJSON = Output(
    name="geojson",
    help="geojson/STEM.geojson: outlines of the objects.",
    kinds=OBJECT_KINDS,
    folder="geojson",
    whole=_whole,
    bytes_per_pixel=lambda channels: OUTLINED_BYTES,
    imports=("smalta.data.formats.geojson",),
)
