"""Objects as GeoJSON, which QuPath and QGIS read.

In:  `Objects` of a picture.
Out: a FeatureCollection as text.

Must not know: files, how objects are made.
"""

from __future__ import annotations

import json
from typing import Any

from smalta.answers.objects import Objects
from smalta.data.formats.geojson import as_feature, class_properties
from smalta.data.formats.outlines import Region


def collection(objects: Objects) -> str:
    """One feature per object, in their order; polygons run along the edges of pixels, x to the right, y downwards.

    The properties are "class" and "classification" as smalta's and QuPath's data sets have them, "number" (that of the
    instance picture), "score", "area_px", and "attributes" with the value of each that asks about the object.
    """
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
