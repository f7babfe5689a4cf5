"""GeoJSON: polygons of objects in pixels of their picture, as QuPath and QGIS read and write them.

In:  `images/a.png` with `labels/a.geojson` (or `annotations/`, or beside the picture), with the splits inside these
     folders or around them; or one file per split whose features name their pictures in `properties.image`.
Out: a `Dataset`; the first of these layouts, written from a `Dataset`.

A file holds a FeatureCollection, a list of features or one feature. A feature's class is a path such as `cell/round`
in `properties.class`, or QuPath's `properties.classification`. Every object is a thing, other pixels are `background`.
A feature with `properties.iscrowd` is a crowd. Coordinates are x to the right and y downwards in the upright picture.
A `classes.yaml` at the root gives the tree.

Must not know: other formats, networks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field, RootModel

from smalta.classes import ROOT, ClassTree
from smalta.data.dataset import Dataset, Reader
from smalta.data.formats.categories import is_background, is_unlabelled, name_of_unlabelled
from smalta.data.formats.copying import copy_split, lost_notes, write_json, write_tree
from smalta.data.formats.drawn import drawn_sample
from smalta.data.formats.outlines import Layer, Region, Shape, fill_rings, rings
from smalta.data.formats.parsing import parse_json
from smalta.data.formats.pieces import cut
from smalta.data.formats.places import by_stem, picture_folder, safe_name, split_of, unlisted_pictures
from smalta.data.formats.root_files import splits_at, stated_tree
from smalta.data.sample import Entry, Sample
from smalta.data.splits import UNSPLIT, split_name
from smalta.errors import ClassTreeError, DataError
from smalta.pictures.finding import is_picture_name
from smalta.pictures.reading import read_upright
from smalta.system.threads import map_in_order

LOOKED_FOR = "*.geojson files in labels/ or annotations/ beside images/, or beside their pictures"
LABEL_FOLDERS = ("labels", "annotations", "geojson")
AREA_TO_LOOK_AT = "Region*"  # QuPath's class of regions in which a user annotated; they are not labels

ClassPath = tuple[str, ...]  # names from the top level down; () where a feature has no class
Ring = list[list[float]]


class _Polygon(BaseModel):
    type: Literal["Polygon"]
    coordinates: list[Ring]


class _MultiPolygon(BaseModel):
    type: Literal["MultiPolygon"]
    coordinates: list[list[Ring]]


class _WithoutArea(BaseModel):
    type: Literal["Point", "MultiPoint", "LineString", "MultiLineString", "GeometryCollection"]


class _Feature(BaseModel):
    type: Literal["Feature"]
    geometry: Annotated[_Polygon | _MultiPolygon | _WithoutArea, Field(discriminator="type")] | None
    properties: dict[str, Any] | None = None

    @property
    def polygons(self) -> list[list[Ring]]:
        """Rings of every polygon; none if the feature has no area, or if its class is QuPath's `Region*`."""
        if self.path == (AREA_TO_LOOK_AT,) or self.geometry is None or isinstance(self.geometry, _WithoutArea):
            return []
        return [self.geometry.coordinates] if isinstance(self.geometry, _Polygon) else self.geometry.coordinates

    @property
    def path(self) -> ClassPath:
        """The feature's class."""
        properties = self.properties or {}
        stated, qupath = properties.get("class"), properties.get("classification")
        if isinstance(qupath, Mapping):
            qupath = qupath.get("names") or qupath.get("name")
        if isinstance(stated, str):
            names: list[Any] = stated.split("/")
        elif isinstance(qupath, str):
            names = qupath.replace(": ", "/").split("/")
        else:
            names = qupath if isinstance(qupath, list) else []
        return tuple(clean for name in names if (clean := str(name).replace("/", "-").strip()))

    @property
    def image(self) -> str | None:
        """File name of the picture, if the feature states one."""
        name = (self.properties or {}).get("image")
        return name if isinstance(name, str) else None


class _Collection(BaseModel):
    type: Literal["FeatureCollection"]
    features: list[_Feature]


class _File(RootModel[list[_Feature] | Annotated[_Collection | _Feature, Field(discriminator="type")]]):
    pass


@dataclass(frozen=True)
class _Scan:
    """The content of a label file: number of features without area, classes in use, and features by picture name.

    `by_image` is empty unless every feature names its picture.
    """

    path: Path
    without_area: int
    classes: frozenset[ClassPath]
    by_image: Mapping[str, list[_Feature]]


@dataclass
class _Found:
    """Entries by split, label files whose features name pictures, and pictures and labels without a partner."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    shared: dict[Path, Mapping[str, list[_Feature]]] = field(default_factory=dict)
    lone_pictures: list[Path] = field(default_factory=list)
    lone_labels: list[Path] = field(default_factory=list)


def recognises(root: Path) -> bool:
    """Whether GeoJSON files are in one of the usual places."""
    return next(_label_files(root), None) is not None


def open_folder(root: Path, classes: ClassTree | None, seed: int) -> Dataset:
    """Pair pictures with label files, and read all label files for their classes."""
    scans = list(map_in_order(_scan, sorted(_label_files(root))))
    found = _pair(root, scans)
    if not any(found.entries.values()):
        raise DataError(
            f"no picture belongs to {scans[0].path}; give both the same stem, or name the picture in every feature's "
            "properties.image"
        )
    tree, nodes = _classes(scans, stated_tree(root, classes))
    present = {scan.path: scan.classes for scan in scans}
    splits, notes, dealt = splits_at(
        root,
        found.entries,
        seed,
        lambda entries: [{nodes[path] for path in present[entry.labels[0]]} for entry in entries],
    )
    without_area = sum(scan.without_area for scan in scans)
    if without_area:
        notes.append(f"{without_area} features without area are ignored, such as points, lines and {AREA_TO_LOOK_AT}")
    return Dataset(
        root=root,
        format="geojson",
        tree=tree,
        splits=splits,
        dealt=dealt,
        reader=GeoJsonReader(tree=tree, nodes=nodes, shared=found.shared),
        has_instances=bool(tree.is_thing.any()),
        notes=tuple(notes),
        unpaired_pictures=tuple(found.lone_pictures),
        unpaired_labels=tuple(found.lone_labels),
    )


# -- files --------------------------------------------------------------------------------------------


def _label_files(root: Path) -> Iterator[Path]:
    patterns = ("*.geojson", "*/*.geojson", "*/*/*.geojson")
    return (path for pattern in patterns for path in root.glob(pattern) if not path.name.startswith("."))


def _features(path: Path) -> list[_Feature]:
    content = parse_json(path, _File, "RFC 7946 (GeoJSON)").root
    return (
        content.features
        if isinstance(content, _Collection)
        else [content]
        if isinstance(content, _Feature)
        else content
    )


def _scan(path: Path) -> _Scan:
    features = _features(path)
    solid = [feature for feature in features if feature.polygons]
    by_image: dict[str, list[_Feature]] = {}
    if features and all(feature.image for feature in features):
        for feature in features:
            by_image.setdefault(str(feature.image), []).append(feature)
    return _Scan(path, len(features) - len(solid), frozenset(feature.path for feature in solid), by_image)


def _pair(root: Path, scans: Sequence[_Scan]) -> _Found:
    """Pair each label file with the picture of its stem, else with the pictures that its features name."""
    found = _Found()
    stems: dict[Path, dict[str, Path]] = {}
    paired: set[Path] = set()
    for scan in scans:
        stem = Path(scan.path.stem).stem if is_picture_name(Path(scan.path.stem)) else scan.path.stem
        for folder in _picture_folders(scan.path, root):
            if folder not in stems:
                stems[folder] = by_stem(folder)
            if picture := stems[folder].get(scan.path.stem) or stems[folder].get(stem):
                break
        else:
            if scan.by_image:
                _add_named(found, scan, root)
            else:
                found.lone_labels.append(scan.path)
            continue
        home = root if folder.is_relative_to(root) else root.parent
        words = (*scan.path.parent.relative_to(root).parts, *folder.relative_to(home).parts)
        split = next((split for word in words if (split := split_name(word))), UNSPLIT)
        found.entries.setdefault(split, []).append(
            Entry(name=picture.relative_to(home).as_posix(), picture=picture, labels=(scan.path,))
        )
        if picture in paired:
            raise DataError(f"two label files belong to {picture}, one of them {scan.path}; remove one of them")
        paired.add(picture)
    used = {picture.parent for picture in paired}
    found.lone_pictures += [p for folder in sorted(used) for p in stems[folder].values() if p not in paired]
    return found


def _picture_folders(path: Path, root: Path) -> Iterable[Path]:
    """Folders where the picture of a label file may lie: `labels` in the file's path is `images` in the picture's."""
    parts = path.parent.relative_to(root).parts
    places = [i for i, part in enumerate(parts) if part.lower() in LABEL_FOLDERS]
    swapped = [(*parts[:i], "images", *parts[i + 1 :]) for i in places[-1:]]
    candidates = [root.joinpath(*other) for other in swapped]
    if root.name.lower() in LABEL_FOLDERS:
        candidates.append(root.parent.joinpath("images", *parts))
    candidates += [path.parent, path.parent / "images"]
    return (folder for folder in candidates if folder.is_dir())


def _add_named(found: _Found, scan: _Scan, root: Path) -> None:
    """Entries of the pictures that the features of one file name."""
    by_name: dict[str, list[_Feature]] = {}
    for name, features in scan.by_image.items():  # a picture's name may be written in several ways
        by_name.setdefault(str(safe_name(name, scan.path)), []).extend(features)
    split = split_of(scan.path, root)
    folder = picture_folder(scan.path, root, split, [PurePosixPath(name) for name in by_name])
    found.shared[scan.path] = by_name
    for name in by_name:
        picture = folder / name
        if picture.is_file():
            entry = Entry(name=name, picture=picture, labels=(scan.path,), key=name)
            found.entries.setdefault(split, []).append(entry)
        else:
            found.lone_labels.append(picture)
    found.lone_pictures += unlisted_pictures([folder / name for name in by_name])


# -- classes ------------------------------------------------------------------------------------------


def _classes(scans: Sequence[_Scan], stated: ClassTree | None) -> tuple[ClassTree, dict[ClassPath, int]]:
    """The tree, and the node of every class in use."""
    used = {path: scan.path for scan in reversed(scans) for path in scan.classes}
    if () in used and len(used) > 1:
        raise DataError(
            f"{used[()]} holds features without a class, and other features have one; add it in properties.class, "
            "or remove these features"
        )
    if stated is not None:
        return stated, {path: _node_in(stated, path, file) for path, file in used.items()}
    if () in used or not used:
        tree = ClassTree({"background": {}, "object": {"kind": "thing"}})
        return tree, {(): tree["object"].id}
    spec: dict[str, Any] = {} if any(is_background(path[0]) for path in used) else {"background": {}}
    named = [path for path in sorted(used) if not is_unlabelled(path[0])]
    for path in named:
        children = spec
        for name in path:
            fields = children.setdefault(name, {})
            fields["kind"] = "stuff" if is_background(path[0]) else "thing"
            children = fields.setdefault("children", {})
    tree = ClassTree(spec)
    return tree, {path: tree["/".join(path)].id if path in named else ROOT for path in used}


def _node_in(tree: ClassTree, path: ClassPath, file: Path) -> int:
    things = [node for node in tree.leaves if tree.is_thing[node]]
    if not path and len(things) != 1:
        raise DataError(
            f"{file} holds features without a class, and the tree has {len(things)} things; give each feature a class "
            "in properties.class"
        )
    try:
        return tree["/".join(path)].id if path else things[0]
    except ClassTreeError as error:
        if len(path) == 1 and is_unlabelled(path[0]):
            return ROOT
        raise ClassTreeError(f"{file}: {error}") from error


# -- reading ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GeoJsonReader(Reader):
    """Draws the features of each picture."""

    tree: ClassTree
    nodes: Mapping[ClassPath, int]
    shared: Mapping[Path, Mapping[str, list[_Feature]]]

    def read(self, entry: Entry) -> Sample:
        """Picture and labels of an entry."""
        picture, _ = read_upright(entry.picture)
        size_hw = picture.shape[:2]
        path = entry.labels[0]
        features = self.shared[path][entry.key] if path in self.shared else _features(path)
        shapes = []
        for number, feature in enumerate(features):
            if polygons := feature.polygons:
                try:
                    region = fill_rings([[_points(ring) for ring in polygon] for polygon in polygons], size_hw)
                except DataError as error:
                    raise DataError(f"{path}, feature {number}: {error}") from error
                node = self.nodes[feature.path]
                layer = Layer.CROWD if (feature.properties or {}).get("iscrowd") and node != ROOT else Layer.OUTLINE
                shapes.append(Shape(region, node, bool(self.tree.is_thing[node]), layer))
        return drawn_sample(entry.name, picture, shapes, self.tree)


def _points(ring: Ring) -> np.ndarray:
    """Points (n, 2) of a ring, without heights."""
    if any(len(position) < 2 for position in ring):
        raise DataError("a position holds fewer than two numbers; write x and y")
    return np.array([position[:2] for position in ring], dtype=np.float64).reshape(-1, 2)


# -- writing ------------------------------------------------------------------------------------------


def write(source: Dataset, out: Path) -> list[str]:
    """Write `images/SPLIT/`, `labels/SPLIT/STEM.geojson` and `classes.yaml`.

    Rings run along the edges of pixels. The parts of an object become polygons of one MultiPolygon. Stuff other than
    the background becomes one feature per class and picture. Pixels of things that belong to no object become one crowd
    per class. Unlabelled pixels become one feature in QuPath's class `Ignore*`.
    """
    tree = source.tree
    for split in source.splits:
        labels = out / "labels" / split
        labels.mkdir(parents=True)
        for stem, _, sample in copy_split(source, split, out / "images" / split):
            pieces = cut(sample, tree)
            features = [as_feature(region, class_properties(tree, node)) for node, region in pieces.regions]
            features += [
                as_feature(region, class_properties(tree, node) | {"iscrowd": True}) for node, region in pieces.crowds
            ]
            if pieces.silent.any():
                features.append(as_feature(Region(0, 0, pieces.silent), class_properties(tree, ROOT)))
            write_json(labels / f"{stem}.geojson", {"type": "FeatureCollection", "features": features})
    write_tree(out, tree)
    return lost_notes(source, "GeoJSON")


def class_properties(tree: ClassTree, node: int) -> dict[str, Any]:
    """The properties that state a feature's class, for smalta and for QuPath; the root means unlabelled."""
    if node == ROOT:
        return {"class": name_of_unlabelled(tree), "classification": {"name": "Ignore*"}}
    path = tree.name(node)
    return {"class": path, "classification": {"name": path.replace("/", ": "), "color": list(tree[node].color)}}


def as_feature(region: Region, properties: Mapping[str, Any]) -> dict[str, Any]:
    """A region as a feature: a polygon along the edges of its pixels, or a polygon for each of its parts."""
    polygons = [[ring.tolist() for ring in polygon] for polygon in rings(region)]
    geometry = {"type": "Polygon", "coordinates": polygons[0]}
    if len(polygons) > 1:
        geometry = {"type": "MultiPolygon", "coordinates": polygons}
    return {"type": "Feature", "geometry": geometry, "properties": {"objectType": "annotation", **properties}}
