"""Does the doctor find the known traps of the real sets, and stay silent on clean ones?

    SMALTA_DATA=... python -m bench.check_known_traps

In:  the sets under SMALTA_DATA; broken variants of them are made in a temporary folder.
Out: a table, and bench/results/check.json. Exit code 1 if a trap is missed or an error is false.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from PIL import Image
from rich.console import Console
from rich.table import Table

from bench.common import data_root, exit_on_error, machine_facts, write_result
from bench.prepare import DEFECTS, Item, pairs, prepared, read_mask, write_set
from smalta.classes import ClassTree
from smalta.data.check import Report, check
from smalta.data.checks import RULES
from smalta.data.checks import object_rules as objects
from smalta.pictures.writing import write_index

Made = tuple[Path, ClassTree | None]
CAMVID = (
    "sky",
    "building",
    "pole",
    "road",
    "pavement",
    "tree",
    "signsymbol",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
)
FEW = {"train": 12, "val": 6}
OBJECT_RULES = [rule.__name__.replace("_", "-") for rule in RULES if rule.__module__ == objects.__name__]


@dataclass(frozen=True, slots=True)
class Case:
    """A data set, and what the doctor must say of it.

    Attributes:
        name: for the table.
        make: gives the folder, and the class tree where it is not the set's own; takes an empty folder to build in.
        errors: the rules that must be errors, and no other.
        warnings: rules that must be warnings, among others.
        silent: rules that must not speak.
    """

    name: str
    make: Callable[[Path], Made]
    errors: Collection[str] = ()
    warnings: Collection[str] = ()
    silent: Collection[str] = ()

    def faults(self, report: Report) -> list[str]:
        """What the report gets wrong."""
        errors, warnings = ({f.rule for f in found} for found in (report.errors, report.warnings))
        missed = [f"misses {rule}" for rule in (set(self.errors) - errors) | (set(self.warnings) - warnings)]
        false = [f"false {rule}" for rule in (errors - set(self.errors)) | (set(self.silent) & (errors | warnings))]
        return sorted(missed + false)


# -- ways to break a set ------------------------------------------------------------------------------


def camvid_few() -> dict[str, list[Item]]:
    """Evenly chosen pictures of the two parts of CamVid."""
    root = data_root() / "camvid11"
    found = {split: pairs(root / split / "images", root / split / "masks") for split in FEW}
    return {split: items[:: len(items) // FEW[split]][: FEW[split]] for split, items in found.items()}


def camvid(
    into: Path, change: Callable[[np.ndarray], np.ndarray] = lambda mask: mask, *, ignore: Collection[int] = (11,)
) -> Made:
    """A few pictures of CamVid with changed masks."""
    splits = {
        split: [Item(item.name, item.picture, change(read_mask(Path(item.mask)))) for item in items]
        for split, items in camvid_few().items()
    }
    spec = {"classes": {name: {"ids": [value]} for value, name in enumerate(CAMVID)}, "ignore": list(ignore)}
    write_set(into / "set", splits, spec)
    return into / "set", None


def camvid_files(into: Path, edit: Callable[[Path], None]) -> Made:
    """A few pictures of CamVid with changed files; the links become files that can be changed."""
    folder, _ = camvid(into)
    shutil.copytree(folder, into / "copy")
    edit(into / "copy")
    return into / "copy", None


def resized(folder: Path, scale: float) -> None:
    """Shrink pictures and masks with interpolation, as a careless script does."""
    for path in [*folder.glob("*/images/*"), *folder.glob("*/masks/*")]:
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        path.unlink()
        cv2.imwrite(str(path), cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR))


def cut_short(path: Path) -> None:
    """Leave the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def first(folder: Path, pattern: str) -> Path:
    """The first file by name."""
    return sorted(folder.glob(pattern))[0]


def leak(folder: Path, change: Callable[[np.ndarray], np.ndarray], suffix: str) -> None:
    """Put a changed training picture into val."""
    picture = cv2.imread(str(first(folder, "train/images/*")))
    cv2.imwrite(str(folder / "val/images" / f"leak{suffix}"), change(picture))
    cv2.imwrite(str(folder / "val/masks/leak.png"), change(read_mask(first(folder, "train/masks/*"))))


def as_jpeg(folder: Path) -> None:
    """Store masks as JPEG."""
    for path in folder.glob("*/masks/*.png"):
        cv2.imwrite(str(path.with_suffix(".jpg")), cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        path.unlink()


def crackforest_jpeg(into: Path) -> Made:
    shutil.copytree(prepared("crackforest"), into / "set")
    as_jpeg(into / "set")
    return into / "set", None


def crackforest_0_1(into: Path) -> Made:
    return data_root() / "crackforest", ClassTree({"road": {"ids": [0]}, "crack": {"ids": [1]}})


def magnetic_smooth(into: Path, *, tree: bool) -> Made:
    """The published anti-aliased masks in the folder layout."""
    items = []
    for kind in DEFECTS:
        pictures = sorted((data_root() / f"magnetic_tile/MT_{kind}/Imgs").glob("*.jpg"))[:12]
        items += [Item(picture.stem, picture, picture.with_suffix(".png")) for picture in pictures]
    write_set(into / "set", {"": items}, {"classes": {"ground": {"ids": [0]}, "defect": {"ids": [255]}}})
    if not tree:
        (into / "set/classes.yaml").unlink()
    return into / "set", None


def magnetic_at_random(into: Path) -> Made:
    """Thresholded masks, split by picture: the exposures of one tile land on both sides."""
    shutil.copytree(prepared("magnetic_tile"), into / "set", symlinks=True)
    (into / "set/groups.txt").unlink()
    return into / "set", None


def nuclei_as_classes(into: Path) -> Made:
    """16-bit object ids where class ids belong."""
    root = data_root() / "dsb2018_nuclei"
    (into / "set").mkdir()
    (into / "set/images").symlink_to(root / "images")
    (into / "set/masks").symlink_to(root / "instances")
    return into / "set", ClassTree.from_file(root / "classes.yaml")


def nuclei_ids(into: Path, change: Callable[[np.ndarray], np.ndarray]) -> Made:
    """Object ids changed as careless exports change them; of 60 pictures, those with most nuclei among them."""
    root = data_root() / "dsb2018_nuclei"
    for room in ("images", "instances"):
        (into / "set" / room).mkdir(parents=True)
    shutil.copy(root / "classes.yaml", into / "set")
    items = sorted(pairs(root / "images", root / "instances"), key=lambda item: -int(read_mask(Path(item.mask)).max()))
    for item in items[:60]:
        (into / "set/images" / Path(item.picture).name).symlink_to(item.picture)
        write_index(into / "set/instances" / f"{item.name}.png", change(read_mask(Path(item.mask))))
    return into / "set", None


def by_tiles(ids: np.ndarray) -> np.ndarray:
    """Numbered from 1 in every tile of 128 pixels."""
    out = np.zeros_like(ids)
    for top in range(0, ids.shape[0], 128):
        for left in range(0, ids.shape[1], 128):
            tile = ids[top : top + 128, left : left + 128]
            out[top : top + 128, left : left + 128] = np.unique(np.append(tile, 0), return_inverse=True)[1][
                :-1
            ].reshape(tile.shape)
    return out


def crumbs(ids: np.ndarray) -> np.ndarray:
    """Connected regions of a noisy mask."""
    noise = np.random.default_rng(0).random(ids.shape) > 0.999
    return cv2.connectedComponents(((ids > 0) | noise).astype(np.uint8))[1]


def coco_renumbered(into: Path) -> Made:
    """Category ids with gaps against a tree that counts without gaps."""
    config = yaml.safe_load((data_root() / "coco128_panoptic/semantic_segmentation/config.yaml").read_text())
    names = next(value for value in config.values() if isinstance(value, dict) and len(value) > 100)
    return data_root() / "coco128_panoptic/semantic_segmentation", ClassTree(["unlabelled", *names.values()][:134])


def car_parts_turned(into: Path, *, labels_too: bool) -> Made:
    """Square pictures stored lying down with an EXIF tag; their labels stored the same way, or upright."""
    for room in ("images", "masks"):
        (into / "set" / room).mkdir(parents=True)
    shutil.copy(prepared("car_parts") / "classes.yaml", into / "set")
    for item in pairs(data_root() / "car_parts/train/images", data_root() / "car_parts/train/masks")[:20]:
        exif = Image.Exif()
        exif[274] = 6  # to be turned clockwise
        lying = Image.open(item.picture).transpose(Image.Transpose.ROTATE_90)
        lying.save(into / "set/images" / f"{item.name}.jpg", exif=exif, quality=95)
        mask = read_mask(Path(item.mask))
        cv2.imwrite(str(into / "set/masks" / f"{item.name}.png"), np.rot90(mask) if labels_too else mask)
    return into / "set", None


def one_sided_tree(into: Path) -> Made:
    """A tree file with a stuff child below a thing."""
    folder, _ = camvid(into)
    (folder / "classes.yaml").write_text("classes: {car: {kind: thing, children: {door: {kind: stuff}}}, road: {}}")
    return folder, None


def own(name: str) -> Callable[[Path], Made]:
    """A set as it was published."""
    return lambda into: (data_root() / name, None)


def ready(name: str) -> Callable[[Path], Made]:
    """A set as `bench.prepare` lays it out."""
    return lambda into: (prepared(name), None)


def edited(edit: Callable[[Path], object]) -> Callable[[Path], Made]:
    """CamVid with changed files."""
    return lambda into: camvid_files(into, lambda folder: (edit(folder), None)[1])


CASES = (
    Case("camvid11 as published", own("camvid11"), silent=["near-identical-pictures", "absent-class"]),
    Case("crackforest as published (0/255, no classes file)", own("crackforest")),
    Case("dsb2018_nuclei as published (16-bit objects)", own("dsb2018_nuclei"), silent=OBJECT_RULES),
    Case("coco128 panoptic as published", own("coco128_panoptic"), warnings=["absent-class"], silent=OBJECT_RULES),
    Case("coco128 semantic (ids with gaps)", own("coco128_panoptic/semantic_segmentation")),
    Case("coco128 YOLO text", own("coco128_panoptic/instance_segmentation"), silent=OBJECT_RULES),
    Case("dibco as published: black is text", own("dibco"), warnings=["inverted-polarity"]),
    Case("dibco with its polarity stated", ready("dibco"), silent=["inverted-polarity"]),
    Case("car_parts as published: left and right", own("car_parts"), warnings=["missing-mirror"]),
    Case("car_parts with mirrors stated", ready("car_parts"), silent=["missing-mirror"]),
    Case("magnetic_tile, split by tile", ready("magnetic_tile"), warnings=["empty-mask"]),
    Case("magnetic_tile, split at random", magnetic_at_random, warnings=["near-identical-pictures"]),
    Case("magnetic_tile, published masks", lambda into: magnetic_smooth(into, tree=True), ["anti-aliased-mask"]),
    Case("... and no classes file", lambda into: magnetic_smooth(into, tree=False), ["anti-aliased-mask"]),
    Case("crackforest against a 0/1 tree", crackforest_0_1, ["mask-0-255"]),
    Case("crackforest masks as JPEG", crackforest_jpeg, ["lossy-mask"]),
    Case("camvid11, tree without 11", lambda into: camvid(into, ignore=[]), ["unknown-ids"]),
    Case("camvid11 ids plus one", lambda into: camvid(into, lambda mask: mask + np.uint8(1)), ["off-by-one"]),
    Case("camvid11 resized to 60 %", edited(lambda f: resized(f, 0.6)), ["interpolated-mask"]),
    Case("camvid11 masks as JPEG", edited(as_jpeg), ["lossy-mask"]),
    Case("camvid11 masks of half the size", lambda into: camvid(into, lambda m: m[::2, ::2]), ["size-mismatch"]),
    Case(
        "camvid11, a truncated picture", edited(lambda f: cut_short(first(f, "train/images/*"))), ["unreadable-picture"]
    ),
    Case("camvid11, a truncated mask", edited(lambda f: cut_short(first(f, "train/masks/*"))), ["unreadable-label"]),
    Case("camvid11, a mask missing", edited(lambda f: first(f, "train/masks/*").unlink()), ["picture-without-label"]),
    Case("camvid11, a picture missing", edited(lambda f: first(f, "val/images/*").unlink()), ["label-without-picture"]),
    Case(
        "camvid11, a training picture mirrored in val",
        edited(lambda f: leak(f, lambda p: np.ascontiguousarray(p[:, ::-1]), ".png")),
        ["identical-pictures"],
    ),
    Case(
        "camvid11, a training picture turned and as JPEG in val",
        edited(lambda f: leak(f, lambda p: np.rot90(p).copy(), ".jpg")),
        warnings=["near-identical-pictures"],
    ),
    Case("camvid11, a broken class tree", one_sided_tree, ["class-tree"]),
    Case("dsb2018_nuclei, objects as classes", nuclei_as_classes, ["unknown-ids"]),
    Case("... with ids modulo 256", lambda into: nuclei_ids(into, lambda ids: ids % 256), ["wrapped-ids"]),
    Case("... with ids up to 255", lambda into: nuclei_ids(into, lambda ids: np.minimum(ids, 255)), ["wrapped-ids"]),
    Case("... numbered tile by tile", lambda into: nuclei_ids(into, by_tiles), warnings=["reused-ids"]),
    Case("... as one object", lambda into: nuclei_ids(into, lambda ids: ids > 0), warnings=["merged-objects"]),
    Case("... regions of a noisy mask", lambda into: nuclei_ids(into, crumbs), warnings=["object-specks"]),
    Case("coco128 semantic against ids without gaps", coco_renumbered, ["unknown-ids"]),
    Case(
        "car_parts stored turned, labels too",
        lambda into: car_parts_turned(into, labels_too=True),
        warnings=["exif-turned-label"],
    ),
    Case(
        "car_parts stored turned, labels upright",
        lambda into: car_parts_turned(into, labels_too=False),
        ["exif-misfit"],
        silent=["exif-turned-label"],
    ),
)


def examined() -> Iterator[dict[str, Any]]:
    """Run every case."""
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            path, tree = case.make(Path(folder))
            start = time.monotonic()
            report = check(path, classes=tree)
            seconds = time.monotonic() - start
        yield {
            "case": case.name,
            "pictures": sum(report.n_pictures.values()),
            "seconds": round(seconds, 1),
            "errors": sorted({finding.rule for finding in report.errors}),
            "warnings": sorted({finding.rule for finding in report.warnings}),
            "faults": case.faults(report),
        }


def main() -> None:
    table = Table("case", "pictures", "seconds", "errors", "warnings", "verdict")
    rows = []
    for row in examined():
        rows.append(row)
        verdict = "[red]" + ", ".join(row["faults"]) if row["faults"] else "[green]as expected"
        cells = [", ".join(row[level]) for level in ("errors", "warnings")]
        table.add_row(row["case"], str(row["pictures"]), str(row["seconds"]), *cells, verdict)
    Console(width=160).print(table)
    wrong = sum(bool(row["faults"]) for row in rows)
    write_result("check", {"machine": machine_facts(), "cases": rows, "wrong": wrong})
    if wrong:
        sys.exit(f"bench: {wrong} of {len(rows)} cases are not as expected")


if __name__ == "__main__":
    exit_on_error(main)
