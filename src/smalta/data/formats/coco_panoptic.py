"""COCO panoptic: a JSON file of segments, and PNG files whose colours are the numbers of segments.

In:  `annotations/panoptic_train.json` with `annotations/panoptic_train/*.png`, and the pictures in the usual places.
Out: a `Dataset`; the same layout, written from a `Dataset`.

A segment's number is R + 256 G + 65536 B; 0 is unlabelled. Segments of categories with `isthing` are objects. A crowd
has a class and no object id. A supercategory is the parent node. A `classes.yaml` at the root gives the tree.

Must not know: other formats, networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel
from scipy import ndimage

from smalta.classes import ROOT, ClassTree
from smalta.data.dataset import Dataset, Reader
from smalta.data.formats.categories import written_categories
from smalta.data.formats.coco_files import (
    JsonCategory,
    JsonImage,
    image_entry,
    json_files,
    picture_names,
    same_categories,
    tree_and_nodes,
)
from smalta.data.formats.copying import copy_split, lost_notes, write_json, write_tree
from smalta.data.formats.label_maps import present_values, turn_labels
from smalta.data.formats.parsing import parse_json
from smalta.data.formats.places import fullest_folder, picture_folder, safe_name, unlisted_pictures
from smalta.data.formats.root_files import splits_at, stated_tree
from smalta.data.sample import Entry, Sample
from smalta.data.settle import settle
from smalta.errors import DataError
from smalta.pictures.reading import read_picture, read_upright
from smalta.pictures.writing import write_picture

LOOKED_FOR = "a JSON file with segments_info, such as annotations/panoptic_train.json, beside its PNG files"


class _Segment(BaseModel):
    id: int
    category_id: int
    iscrowd: bool = False


class _Annotation(BaseModel):
    image_id: int | str
    file_name: str
    segments_info: list[_Segment]


class _File(BaseModel):
    images: list[JsonImage]
    annotations: list[_Annotation]
    categories: list[JsonCategory]


def recognises(root: Path) -> bool:
    """Whether a COCO panoptic file is in one of the usual places."""
    return bool(json_files(root, "panoptic"))


def open_folder(root: Path, classes: ClassTree | None, seed: int) -> Dataset:
    """Parse the JSON files and look up pictures and label files."""
    files = json_files(root, "panoptic")
    parsed = {split: parse_json(path, _File, "COCO") for split, path in files.items()}
    found: dict[str, list[Entry]] = {}
    segments: dict[Path, list[_Segment]] = {}
    listed: set[Path] = set()
    for split, content in parsed.items():
        found[split] = _entries(files[split], root, split, content)
        listed.update(entry.picture for entry in found[split])
        segments |= {
            entry.labels[0]: annotation.segments_info
            for entry, annotation in zip(found[split], content.annotations, strict=True)
        }
    every = [entry for entries in found.values() for entry in entries]
    lone = [entry for entry in every if not (entry.picture.is_file() and entry.labels[0].is_file())]
    broken = {entry.labels[0] for entry in lone}
    whole = {split: [e for e in entries if e.labels[0] not in broken] for split, entries in found.items()}
    lone_pictures = [entry.picture for entry in lone if entry.picture.is_file()]
    lone_labels = [entry.labels[0] if entry.labels[0].is_file() else entry.picture for entry in lone]
    categories = same_categories({split: content.categories for split, content in parsed.items()}, files)
    used = {s.category_id: files[split] for split, c in parsed.items() for a in c.annotations for s in a.segments_info}
    source = next(iter(used.values()), Path("panoptic JSON"))
    tree, nodes = tree_and_nodes(
        categories, used, stated_tree(root, classes), source, noun="segments", background=False, ignore=[0]
    )
    splits, notes, dealt = splits_at(
        root, whole, seed, lambda entries: [{s.category_id for s in segments[e.labels[0]]} for e in entries]
    )
    things = frozenset(category.id for category in categories if category.thing)
    return Dataset(
        root=root,
        format="coco-panoptic",
        tree=tree,
        splits=splits,
        dealt=dealt,
        reader=PanopticReader(tree=tree, nodes=nodes, things=things, segments=segments),
        has_instances=bool(things),
        notes=tuple(notes),
        unpaired_pictures=(*lone_pictures, *unlisted_pictures(listed)),
        unpaired_labels=tuple(path for path in lone_labels if path not in lone_pictures),
    )


def _entries(path: Path, root: Path, split: str, content: _File) -> list[Entry]:
    """One entry for every annotation, in their order, whether its files exist or not."""
    images = picture_names(content.images, path)
    labels = [safe_name(annotation.file_name, path) for annotation in content.annotations]
    for title, values in (("image", [a.image_id for a in content.annotations]), ("label file", labels)):
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            raise DataError(f"{path} holds two annotations of the {title} {str(twice[0])!r}; remove one of them")
    pictures = picture_folder(path, root, split, list(images.values()))
    beside = path.with_suffix("")
    masks = fullest_folder([beside, path.parent.parent / beside.name, path.parent], labels, path, root)
    entries = []
    for annotation, label in zip(content.annotations, labels, strict=True):
        if annotation.image_id not in images:
            raise DataError(f"{path}, {annotation.file_name}: the JSON file lists no image {annotation.image_id!r}")
        repeated = [number for number, n in Counter(s.id for s in annotation.segments_info).items() if n > 1]
        if repeated:
            raise DataError(f"{path}, {annotation.file_name}: two segments have the id {repeated[0]}; ids must differ")
        name = images[annotation.image_id]
        entries.append(Entry(name=str(name), picture=pictures / name, labels=(masks / label,)))
    return entries


@dataclass(frozen=True)
class PanopticReader(Reader):
    """Looks up the segments of each label file."""

    tree: ClassTree
    nodes: Mapping[int, int]
    things: frozenset[int]
    segments: Mapping[Path, list[_Segment]]

    def read(self, entry: Entry) -> Sample:
        """Picture and labels of an entry."""
        path = entry.labels[0]
        picture, orientation = read_upright(entry.picture)
        numbers = read_picture(path).astype(np.int32) @ np.array([1, 256, 65536], dtype=np.int32)
        numbers = turn_labels(numbers, orientation=orientation, size_hw=picture.shape[:2], name=str(path))
        segments = sorted(self.segments[path], key=lambda segment: segment.id)
        known = np.array([0, *(segment.id for segment in segments)], dtype=np.int32)
        where = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
        if (unknown := numbers[known[where] != numbers]).size:
            raise DataError(
                f"{path} holds segment {unknown[0]} (R + 256 G + 65536 B), which is not in its segments_info; "
                "export both again from one source"
            )
        node_of, object_of = np.zeros(len(known), dtype=np.uint16), np.zeros(len(known), dtype=np.int32)
        number = 0
        for index, segment in enumerate(segments, start=1):
            node_of[index] = node = self.nodes[segment.category_id]
            if segment.category_id in self.things and self.tree.is_thing[node] and not segment.iscrowd:
                object_of[index] = number = number + 1
        return Sample(
            name=entry.name,
            picture=picture,
            classes=node_of[where],
            instances=object_of[where] if self.things else None,
        )


# -- writing ------------------------------------------------------------------------------------------


def write(source: Dataset, out: Path) -> list[str]:
    """Write `annotations/panoptic_SPLIT.json` with its PNG files, `images/SPLIT/` and `classes.yaml`.

    If the source has no object ids, every class is one segment and no category is a thing.
    """
    tree = source.tree
    notes = lost_notes(source, "COCO panoptic")
    if not source.has_instances and tree.is_thing.any():
        notes.append("the source has no object ids: every class is one segment per picture, and none is a thing")
    used: set[int] = set()
    content: dict[str, dict[str, Any]] = {}
    for split in source.splits:
        masks = out / "annotations" / f"panoptic_{split}"
        masks.mkdir(parents=True)
        images, annotations = [], []
        copies = copy_split(source, split, out / "images" / split)
        for image_id, (stem, picture, sample) in enumerate(copies, start=1):
            images.append(image_entry(image_id, picture, sample.classes.shape))
            numbers, segments = _segments(sample, tree)
            used.update(present_values(sample.classes))
            write_numbers(masks / f"{stem}.png", numbers)
            annotations.append({"image_id": image_id, "file_name": f"{stem}.png", "segments_info": segments})
        content[split] = {"images": images, "annotations": annotations}
    categories = written_categories(tree, used)
    for category in categories:
        category["isthing"] *= int(source.has_instances)
    for split, parts in content.items():
        write_json(out / "annotations" / f"panoptic_{split}.json", {**parts, "categories": categories})
    write_tree(out, tree)
    return notes


def write_numbers(path: Path, numbers: np.ndarray) -> None:
    """Write segment numbers (H, W), below 2^24, as the colours of a PNG."""
    write_picture(path, np.stack([numbers & 255, numbers >> 8 & 255, numbers >> 16 & 255], axis=2).astype(np.uint8))


def _segments(sample: Sample, tree: ClassTree) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Segment numbers (H, W) and segments_info: one segment per object, and one per class for pixels in no object."""
    classes, instances = sample.classes, np.zeros(sample.classes.shape, dtype=np.int32)
    if sample.instances is not None:
        classes, instances = settle(classes, sample.instances, tree)
    rest = np.where(instances == 0, classes, ROOT)
    nodes = [node for node in present_values(rest) if node != ROOT]
    place = np.zeros(len(tree) + 1, dtype=np.int32)
    place[nodes] = np.arange(1, len(nodes) + 1)
    segments = np.where(instances > 0, instances + len(nodes), place[rest])
    areas = np.bincount(segments.ravel()).tolist()
    info = []
    for number, window in enumerate(ndimage.find_objects(segments), start=1):
        rows, columns = window
        if number <= len(nodes):
            node = nodes[number - 1]
        else:
            first = int((segments[rows.start, columns] == number).argmax())  # an object touches its window's upper edge
            node = int(classes[rows.start, columns.start + first])
        # COCO calls pixels of a thing that belong to no object a crowd
        is_crowd = number <= len(nodes) and tree.is_thing[node] and sample.instances is not None
        info.append(
            {
                "id": number,
                "category_id": int(tree.node_to_value[node]),
                "area": areas[number],
                "iscrowd": int(is_crowd),
                "bbox": [columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start],
            }
        )
    return segments, info
