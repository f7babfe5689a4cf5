"""COCO instance JSON: outlined objects of categories.

In:  `annotations/instances_train.json` beside `train/` or `images/train/`, `train/_annotations.coco.json` among
     its pictures, or one JSON file beside `images/`.
Out: a `Dataset`; the same layout, written from a `Dataset`.

Every object is a thing, and its supercategory is the parent node. Pixels that no object covers are `background`. A
crowd has a class and no object id. If an object has no outline, its box is unlabelled. Smaller objects lie above larger
objects. A `classes.yaml` at the root gives the tree; categories are then found in it by name.

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

from smalta.classes import ROOT, ClassTree
from smalta.data.dataset import Dataset, Reader
from smalta.data.formats.categories import background_of, name_of_unlabelled, written_categories
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
from smalta.data.formats.label_maps import turn_labels, wrong_size
from smalta.data.formats.outlines import (
    Layer,
    Region,
    Shape,
    decode_runs,
    encode_runs,
    fill_box,
    fill_polygons,
    has_holes,
    outline,
    paint,
)
from smalta.data.formats.parsing import parse_json
from smalta.data.formats.pieces import cut
from smalta.data.formats.places import picture_folder, unlisted_pictures
from smalta.data.formats.root_files import splits_at, stated_tree
from smalta.data.sample import Entry, Sample
from smalta.errors import DataError
from smalta.pictures.reading import read_upright

LOOKED_FOR = "a JSON file with images, annotations and categories, in annotations/, train/ or beside images/"


class _Runs(BaseModel):
    size: tuple[int, int]
    counts: list[int] | str


class _Annotation(BaseModel):
    id: int | str
    image_id: int | str
    category_id: int
    segmentation: list[list[float]] | _Runs | None = None
    bbox: tuple[float, float, float, float] | None = None
    iscrowd: bool = False


class _File(BaseModel):
    images: list[JsonImage]
    annotations: list[_Annotation]
    categories: list[JsonCategory]


def recognises(root: Path) -> bool:
    """Whether a COCO instance file is in one of the usual places."""
    return bool(json_files(root, "instances"))


def open_folder(root: Path, classes: ClassTree | None, seed: int) -> Dataset:
    """Parse the JSON files and look up their pictures."""
    files = json_files(root, "instances")
    parsed = {split: parse_json(path, _File, "COCO") for split, path in files.items()}
    objects = _objects_by_image(parsed, files)
    found: dict[str, list[Entry]] = {}
    listed: set[Path] = set()
    for split, content in parsed.items():
        names = list(picture_names(content.images, files[split]).values())
        folder = picture_folder(files[split], root, split, names)
        listed.update(folder / name for name in names)
        found[split] = [
            Entry(
                name=str(name),
                picture=folder / name,
                labels=(files[split],),
                key=(split, image.id, image.height, image.width),
            )
            for image, name in zip(content.images, names, strict=True)
        ]
    missing = {path for path in listed if not path.is_file()}
    found = {split: [e for e in entries if e.picture not in missing] for split, entries in found.items()}
    first = next(iter(files.values()))
    notes = _outline_notes([a for content in parsed.values() for a in content.annotations], first)
    notes += [note for split, content in parsed.items() for note in _repeated_ids(content.annotations, files[split])]
    if missing:
        notes.append(f"{len(missing)} pictures that the JSON names are missing, such as {min(missing)}")
    tree, nodes = _classes(parsed, files, stated_tree(root, classes))
    splits, split_notes, dealt = splits_at(
        root, found, seed, lambda entries: [{a.category_id for a in objects[e.key[:2]]} for e in entries]
    )
    return Dataset(
        root=root,
        format="coco",
        tree=tree,
        splits=splits,
        dealt=dealt,
        reader=CocoReader(tree=tree, nodes=nodes, objects=objects),
        has_instances=bool(tree.is_thing.any()),
        notes=(*notes, *split_notes),
        unpaired_pictures=tuple(unlisted_pictures(listed)),
        unpaired_labels=tuple(sorted(missing)),
    )


def _objects_by_image(
    parsed: Mapping[str, _File], files: Mapping[str, Path]
) -> dict[tuple[str, int | str], list[_Annotation]]:
    objects: dict[tuple[str, int | str], list[_Annotation]] = {}
    for split, content in parsed.items():
        objects |= {(split, image.id): [] for image in content.images}
        for annotation in content.annotations:
            if (split, annotation.image_id) not in objects:
                raise DataError(
                    f"{files[split]}, annotation {annotation.id}: the file lists no image {annotation.image_id!r}"
                )
            objects[split, annotation.image_id].append(annotation)
    return objects


def _outline_notes(annotations: list[_Annotation], path: Path) -> list[str]:
    bare = [a for a in annotations if not a.segmentation]
    if annotations and len(bare) == len(annotations):
        raise DataError(f"{path} holds boxes only; segmentation needs outlines, so export polygons or masks")
    if bare:
        return [f"{len(bare)} objects have no outline, such as annotation {bare[0].id}; their boxes are unlabelled"]
    return []


def _repeated_ids(annotations: list[_Annotation], path: Path) -> list[str]:
    repeated = [number for number, count in Counter(a.id for a in annotations).items() if count > 1]
    if not repeated:
        return []
    return [f"{path.name} repeats {len(repeated)} annotation ids, such as {repeated[0]}; each annotation is an object"]


def _classes(
    parsed: Mapping[str, _File], files: Mapping[str, Path], stated: ClassTree | None
) -> tuple[ClassTree, dict[int, int]]:
    """The tree, and node by category id."""
    categories = same_categories({split: content.categories for split, content in parsed.items()}, files)
    used = {a.category_id: files[split] for split, content in parsed.items() for a in content.annotations}
    first = next(iter(files.values()))
    return tree_and_nodes(categories, used, stated, first, noun="annotations", background=True)


@dataclass(frozen=True)
class CocoReader(Reader):
    """Draws the objects of each picture."""

    tree: ClassTree
    nodes: Mapping[int, int]
    objects: Mapping[tuple[str, int | str], list[_Annotation]]

    def read(self, entry: Entry) -> Sample:
        """Picture and labels of an entry."""
        split, image_id, height, width = entry.key
        picture, orientation = read_upright(entry.picture)
        real_hw = picture.shape[:2]
        size_hw = (height, width) if height and width else real_hw
        name = f"{entry.labels[0]}, image {image_id!r},"
        if sorted(size_hw) != sorted(real_hw):  # checked before arrays of the size that the file claims are made
            raise wrong_size(size_hw, real_hw, name)
        shapes = [self._shape(a, size_hw, entry.labels[0]) for a in self.objects[split, image_id]]
        classes, instances = (
            turn_labels(values, orientation=orientation, size_hw=real_hw, name=name)
            for values in paint(shapes, size_hw, background_of(self.tree))
        )
        return Sample(
            name=entry.name,
            picture=picture,
            classes=classes,
            instances=instances if self.tree.is_thing.any() else None,
        )

    def _shape(self, annotation: _Annotation, size_hw: tuple[int, int], path: Path) -> Shape:
        try:
            region = _region(annotation, size_hw)
        except DataError as error:
            raise DataError(f"{path}, annotation {annotation.id}: {error}") from error
        if not annotation.segmentation:
            return Shape(region, ROOT, layer=Layer.BOX)
        node = self.nodes[annotation.category_id]
        layer = Layer.CROWD if annotation.iscrowd and node != ROOT else Layer.OUTLINE
        return Shape(region, node, is_object=bool(self.tree.is_thing[node]), layer=layer)


def _region(annotation: _Annotation, size_hw: tuple[int, int]) -> Region:
    segmentation = annotation.segmentation
    if not segmentation:
        return fill_box(annotation.bbox or (0, 0, 0, 0), size_hw)
    if isinstance(segmentation, list):
        return fill_polygons(segmentation, size_hw)
    if segmentation.size != size_hw:
        raise DataError(
            f"its run lengths are for a picture of height and width {segmentation.size}, and the image has {size_hw}; "
            "export it again"
        )
    return decode_runs(segmentation.counts, size_hw)


# -- writing ------------------------------------------------------------------------------------------


def write(source: Dataset, out: Path) -> list[str]:
    """Write `annotations/instances_SPLIT.json`, `images/SPLIT/` and `classes.yaml`.

    Objects without holes become polygons, objects with holes become run lengths. Stuff other than the background
    becomes one annotation per class and picture, as in COCO-stuff. Pixels of things that belong to no object become one
    crowd per class. Unlabelled pixels become a crowd of a category `unlabelled`.
    """
    tree = source.tree
    notes = lost_notes(source, "COCO")
    (out / "annotations").mkdir()
    used: set[int] = set()
    content: dict[str, dict[str, list[dict[str, Any]]]] = {}
    silent_in = 0
    for split in source.splits:
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        copies = copy_split(source, split, out / "images" / split)
        for image_id, (_, picture, sample) in enumerate(copies, start=1):
            height, width = sample.classes.shape
            images.append(image_entry(image_id, picture, (height, width)))
            pieces = cut(sample, tree)
            used.update(node for node, _ in (*pieces.regions, *pieces.crowds))
            crowds = pieces.crowds
            if pieces.silent.any():
                silent_in += 1
                crowds = [*crowds, (ROOT, Region(0, 0, pieces.silent))]
            for is_crowd, group in enumerate((pieces.regions, crowds)):
                for node, region in group:
                    annotations.append(
                        {
                            "id": len(annotations) + 1,
                            "image_id": image_id,
                            "category_id": int(tree.node_to_value[node]),
                            "iscrowd": is_crowd,
                            **outlined(region, (height, width), as_runs=bool(is_crowd)),
                        }
                    )
        content[split] = {"images": images, "annotations": annotations}
    categories = written_categories(tree, used, without=background_of(tree))
    if silent_in:
        name = name_of_unlabelled(tree)
        categories.append({"id": int(tree.node_to_value[ROOT]), "name": name, "supercategory": "", "isthing": 0})
        notes.append(f"{silent_in} pictures have unlabelled pixels, written as crowds of a category {name!r}")
    for split, parts in content.items():
        write_json(out / "annotations" / f"instances_{split}.json", {**parts, "categories": categories})
    write_tree(out, tree)
    return notes


def outlined(region: Region, size_hw: tuple[int, int], *, as_runs: bool) -> dict[str, Any]:
    """What an annotation says of a region in a picture of this size: segmentation, area and box.

    Args:
        region: with a pixel at least.
        size_hw: of the picture in pixels.
        as_runs: run lengths even for a region without holes, which else gets polygons.
    """
    rows, columns = np.flatnonzero(region.mask.any(axis=1)), np.flatnonzero(region.mask.any(axis=0))
    x, y = region.left + int(columns[0]), region.top + int(rows[0])
    segmentation: Any
    if as_runs or has_holes(region.mask):
        segmentation = {"size": list(size_hw), "counts": encode_runs(region, size_hw)}
    else:
        segmentation = [part.round(2).ravel().tolist() for part in outline(region)]
    return {
        "segmentation": segmentation,
        "area": region.area,
        "bbox": [x, y, int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1],
    }
