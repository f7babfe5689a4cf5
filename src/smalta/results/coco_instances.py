"""Write objects as COCO's instance JSON, for other tools, for correction and for training.

In:  `Objects` of pictures.
Out: `coco_instances.json` about all pictures.

An object without a class, which `--min-confidence` may cause, gets no annotation.

Must not know: how objects are made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smalta.description.kinds import OBJECT_KINDS
from smalta.results.object_entries import OUTLINED_BYTES, compact, object_entries
from smalta.results.output import JoinedFile, Output, Piece, WholeAnswer

if TYPE_CHECKING:
    from smalta.answers.objects import Objects
    from smalta.classes import ClassTree


def entry(picture: str, objects: Objects) -> str:
    """The entry of a picture: its image, and an annotation for each object; `document` numbers them.

    Besides COCO's own keys, an annotation has "score" and "number" (that of the instance picture). If the class tree
    has attributes, "attributes" holds the value of each that applies to the object.

    Args:
        picture: the name of its file.
        objects: of the picture.
    """
    from smalta.classes import ROOT
    from smalta.data.formats.coco import outlined

    tree, size_hw = objects.tree, objects.instances.shape
    annotations = []
    for one in object_entries(objects):
        if one.node == ROOT:
            continue
        annotation: dict[str, Any] = {
            "category_id": int(tree.node_to_value[one.node]),
            "iscrowd": 0,
            **outlined(one.region, size_hw, as_runs=False),
            "score": one.score,
            "number": one.number,
        }
        if tree.attributes:
            annotation["attributes"] = one.attributes
        annotations.append(annotation)
    image = {"file_name": picture, "height": size_hw[0], "width": size_hw[1]}
    return json.dumps({"image": image, "annotations": annotations}, ensure_ascii=False)


def document(tree: ClassTree, entries: Iterable[str]) -> Iterator[str]:
    """The text of the file in parts; images and annotations are numbered from 1 in the order of the entries."""
    images: list[dict[str, Any]] = []
    number = 0
    yield '{"annotations":['
    for image_id, text in enumerate(entries, start=1):
        parts = json.loads(text)
        images.append({"id": image_id, **parts["image"]})
        for annotation in parts["annotations"]:
            number += 1
            yield ("" if number == 1 else ",\n") + compact({"id": number, "image_id": image_id, **annotation})
    yield f'],\n"images":{compact(images)},\n"categories":{compact(_categories(tree))}}}\n'


def _categories(tree: ClassTree) -> list[dict[str, Any]]:
    """The categories of the classes of things and of their ancestors."""
    from smalta.data.formats.categories import written_categories

    of_things = {
        int(tree.node_to_value[node.id])
        for node in tree
        if any(tree.is_thing[below] for below in (node.id, *tree.descendants(node.id)))
    }
    return [one for one in written_categories(tree, range(1, len(tree) + 1)) if one["id"] in of_things]


def _whole(answer: WholeAnswer, _: Path) -> Piece:
    return Piece(added=entry(answer.picture.name, answer.objects))


def _join(tree: ClassTree, added: Iterable[str]) -> Iterator[bytes]:
    return (part.encode(errors="backslashreplace") for part in document(tree, added))


COCO = Output(
    name="coco",
    help="coco_instances.json: outlines of the objects of all pictures.",
    kinds=OBJECT_KINDS,
    joined=JoinedFile(name="coco_instances.json", join=_join),
    whole=_whole,
    bytes_per_pixel=lambda channels: OUTLINED_BYTES,
    imports=("smalta.data.formats.coco",),
)
