"""Write panoptic answers as COCO's segments.

In:  a class map and the objects in it.
Out: `panoptic/STEM.png`, the segment number of each pixel, and `panoptic.json`, the segments in COCO's form.

The number of an object's segment is its number in the instance picture and in `objects.csv`; stuff comes after.

Must not know: how answers are made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smalta.results.object_entries import compact
from smalta.results.output import JoinedFile, Output, Piece, WholeAnswer

if TYPE_CHECKING:
    import numpy as np

    from smalta.answers.objects import Objects
    from smalta.classes import ClassTree


def _whole(answer: WholeAnswer, folder: Path) -> Piece:
    from smalta.answers.decoding import no_deeper
    from smalta.data.formats.coco_panoptic import write_numbers

    classes = no_deeper(answer.tree, answer.segmentation.panoptic(), answer.decoding.level)
    numbers, info = segments(classes, answer.objects)
    path = folder / f"{answer.picture.stem}.png"
    write_numbers(path, numbers)
    return Piece(file=path, added=entry(answer.picture.name, path.name, answer.segmentation.size_hw, info))


def _join(tree: ClassTree, added: Iterable[str]) -> Iterator[bytes]:
    return (part.encode(errors="backslashreplace") for part in document(tree, added))


def segments(classes: np.ndarray, objects: Objects) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Number the segments of a picture.

    Args:
        classes: (H, W) uint16 node ids that agree with the objects, as from `Segmentation.panoptic`.
        objects: of the picture.

    Returns:
        (H, W) int32 segment numbers, 0 = unlabelled, and one entry of COCO's "segments_info" per segment.
    """
    import numpy as np
    from scipy import ndimage

    from smalta.classes import ROOT

    tree = objects.tree
    loose = np.where(objects.instances == 0, classes, ROOT)
    area_of = np.bincount(loose.ravel(), minlength=len(tree) + 1)
    stuff = np.flatnonzero(area_of[1:]) + 1
    place = np.zeros(len(tree) + 1, dtype=np.int32)
    place[stuff] = np.arange(1, len(stuff) + 1)
    places = place[loose]
    named = np.append(ROOT, np.where(objects.classes != ROOT, np.arange(1, len(objects) + 1), ROOT)).astype(np.int32)
    numbers = np.where(places, places + len(objects), named[objects.instances])
    boxes = np.array(
        [(x.start, y.start, x.stop, y.stop) for y, x in ndimage.find_objects(places, len(stuff))], dtype=np.int64
    ).reshape(-1, 4)
    boxes = np.concatenate([objects.boxes_xyxy, boxes])
    boxes[:, 2:] -= boxes[:, :2]
    info = [
        {"id": number, "category_id": category, "area": area, "bbox": box, "iscrowd": 0}
        for number, (category, area, box) in enumerate(
            zip(
                tree.node_to_value[np.append(objects.classes, stuff)].tolist(),
                np.append(objects.areas, area_of[stuff]).tolist(),
                boxes.tolist(),
                strict=True,
            ),
            start=1,
        )
        if number > len(objects) or named[number]
    ]
    return numbers.astype(np.int32), info


def entry(picture: str, png: str, size_hw: tuple[int, int], info: list[dict[str, Any]]) -> str:
    """The entry of a picture in the JSON file; `document` numbers it.

    Args:
        picture: the name of its file.
        png: the name of the file with its segment numbers.
        size_hw: of the picture in pixels.
        info: from `segments`.
    """
    image = {"file_name": picture, "height": size_hw[0], "width": size_hw[1]}
    return json.dumps({"image": image, "annotation": {"file_name": png, "segments_info": info}}, ensure_ascii=False)


def document(tree: ClassTree, entries: Iterable[str]) -> Iterator[str]:
    """The text of the JSON file in parts: images numbered from 1 in order, and every class as a category."""
    from smalta.data.formats.categories import written_categories

    images = []
    yield '{"annotations":['
    for number, text in enumerate(entries, start=1):
        parts = json.loads(text)
        images.append({"id": number, **parts["image"]})
        yield ("" if number == 1 else ",\n") + compact({"image_id": number, **parts["annotation"]})
    categories = written_categories(tree, range(1, len(tree) + 1))
    yield f'],\n"images":{compact(images)},\n"categories":{compact(categories)}}}\n'


PANOPTIC = Output(
    name="panoptic",
    kinds=("panoptic",),
    folder="panoptic",
    joined=JoinedFile(name="panoptic.json", join=_join),
    whole=_whole,
    imports=(
        "scipy.ndimage",
        "smalta.data.formats.coco_panoptic",
    ),
)
