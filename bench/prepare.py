"""Turn the shared sets into data sets that smalta and its rivals read alike: `python -m bench.prepare [NAME ...]`.

In:  the sets under SMALTA_DATA, as they were published.
Out: bench/work/data/NAME, folder data sets with a classes.yaml (git-ignored; pictures are links).

Splits are fixed here on the disk, but for Magnetic tile, whose groups.txt lets smalta split by tile.
"""

from __future__ import annotations

import argparse
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from bench.common import WORK, data_root, exit_on_error
from smalta.data.any_format import open_dataset
from smalta.data.formats import folder
from smalta.data.splits import split_by_group
from smalta.errors import DataError
from smalta.pictures.reading import read_picture
from smalta.pictures.writing import write_picture

SPLIT_SEED = 20
EVERY = 10  # every tenth training picture of CamVid keeps its full labels
CAMVID_TREE = {
    "sky": {"ids": [0]},
    "construction": {
        "ids": [21],
        "children": {"building": {"ids": [1]}, "pole": {"ids": [2]}, "signsymbol": {"ids": [6]}, "fence": {"ids": [7]}},
    },
    "ground": {"ids": [22], "children": {"road": {"ids": [3]}, "pavement": {"ids": [4]}}},
    "nature": {"ids": [23], "children": {"tree": {"ids": [5]}}},
    "movable": {
        "ids": [24],
        "children": {"car": {"ids": [8]}, "pedestrian": {"ids": [9]}, "bicyclist": {"ids": [10]}},
    },
}
CAR_TWINS = {"train67", "train109", "train162"}  # pictures of another split once more, as `smalta check` found
NUCLEI_SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}
WHOLE_BELOW = 20  # smaller families of nuclei pictures are not cut
DEFECTS = ("Blowhole", "Break", "Crack", "Fray", "Uneven")


@dataclass(frozen=True, slots=True)
class Item:
    """A picture and its mask, or its instance map: a file to link to, or the values to write."""

    name: str
    picture: Path
    mask: Path | np.ndarray


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """A folder to write a data set into; it takes the place of `out` at the end, if nothing went wrong."""
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    yield part
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)


def write_set(
    out: Path,
    splits: Mapping[str, Iterable[Item]],
    spec: Mapping[str, Any],
    texts: Mapping[str, str] | None = None,
    *,
    labels: str = "masks",
) -> None:
    """Write a folder data set in one step: an older one of the name is replaced when the new one is whole.

    Args:
        out: the folder.
        splits: pictures by split; "" puts them beside each other, to be split by smalta.
        spec: the content of classes.yaml.
        texts: other text files by name.
        labels: what the items' masks are, "masks" of classes or "instances".
    """
    with whole(out) as part:
        for split, items in splits.items():
            for room in ("images", labels):
                (part / split / room).mkdir(parents=True)
            for item in items:
                (part / split / "images" / f"{item.name}{item.picture.suffix}").symlink_to(item.picture.resolve())
                mask = part / split / labels / f"{item.name}.png"
                if isinstance(item.mask, Path):
                    mask.symlink_to(item.mask.resolve())
                else:
                    cv2.imwrite(str(mask), item.mask)
        (part / "classes.yaml").write_text(yaml.safe_dump(dict(spec), sort_keys=False), encoding="utf-8")
        for name, text in (texts or {}).items():
            (part / name).write_text(text, encoding="utf-8")


def pairs(images: Path, masks: Path) -> list[Item]:
    """Pictures and masks of two folders, paired by stem, in the order of their names."""
    by_stem = {path.stem: path for path in masks.iterdir()}
    items = [Item(path.stem, path, by_stem[path.stem]) for path in sorted(images.iterdir())]
    if not items:
        raise DataError(f"{images.name} of {images.parent.name} holds no picture; point SMALTA_DATA at the whole sets")
    return items


def deal(items: Sequence[Item], *, train: int, val: int) -> dict[str, list[Item]]:
    """A seeded split: `train` and `val` per cent of the pictures, the rest is the test part."""
    order = list(items)
    random.Random(SPLIT_SEED).shuffle(order)
    stops = [len(order) * train // 100, len(order) * (train + val) // 100]
    return {"train": order[: stops[0]], "val": order[stops[0] : stops[1]], "test": order[stops[1] :]}


def read_mask(path: Path) -> np.ndarray:
    """(H, W) uint8 as the values stand in the file."""
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if mask is None:
        raise DataError(f"{path.name} cannot be read as a picture; fetch the set anew")
    return mask


def camvid_partial(root: Path, out: Path, *, coarse: bool) -> None:
    """37 training pictures with all their labels; with `coarse`, 330 more that name five parent classes only.

    The 37 are every tenth in the order of names, which spreads them over the drives. The val part keeps its labels.
    """
    to_parent = np.full(256, 11, dtype=np.uint8)
    to_parent[0] = 0
    for parent in CAMVID_TREE.values():
        for child in parent.get("children", {}).values():
            to_parent[child["ids"][0]] = parent["ids"][0]
    train = pairs(root / "camvid11/train/images", root / "camvid11/train/masks")
    chosen = [item for index, item in enumerate(train) if index % EVERY == 0]
    if coarse:
        rest = [item for index, item in enumerate(train) if index % EVERY]
        chosen += [Item(item.name, item.picture, to_parent[read_mask(Path(item.mask))]) for item in rest]
    val = pairs(root / "camvid11/val/images", root / "camvid11/val/masks")
    write_set(out, {"train": chosen, "val": val}, {"classes": CAMVID_TREE, "ignore": [11]})


def camvid37(root: Path, out: Path) -> None:
    """CamVid with the 37 fully labelled training pictures alone."""
    camvid_partial(root, out, coarse=False)


def camvid37_330(root: Path, out: Path) -> None:
    """CamVid with the 37 fully labelled training pictures and 330 that name parent classes only."""
    camvid_partial(root, out, coarse=True)


def camvid_speed(root: Path, out: Path) -> None:
    """37 pictures to time steps with; two to validate, so that little else is done than steps."""
    train = pairs(root / "camvid11/train/images", root / "camvid11/train/masks")
    val = pairs(root / "camvid11/val/images", root / "camvid11/val/masks")
    write_set(out, {"train": train[::EVERY], "val": val[:2]}, {"classes": CAMVID_TREE, "ignore": [11]})


def crackforest(root: Path, out: Path) -> None:
    """Cracks in roads, 60/20/20 per cent."""
    items = pairs(root / "crackforest/images", root / "crackforest/masks")
    spec = {"classes": {"background": {"ids": [0]}, "crack": {"ids": [255]}}}
    write_set(out, deal(items, train=60, val=20), spec)


def magnetic_tile(root: Path, out: Path) -> None:
    """Five kinds of defect under one parent; `groups.txt` keeps all exposures of a tile in one split.

    Masks are cut at 127. Defective pictures whose mask is then empty are left out: they would teach a defect away.
    """
    items: list[Item] = []
    groups: list[str] = []
    for line in (root / "magnetic_tile/tiles.txt").read_text(encoding="utf-8").splitlines():
        file, tile = line.rsplit(None, 1)
        picture = root / "magnetic_tile" / file
        kind = file.split("/")[0].removeprefix("MT_")
        value = DEFECTS.index(kind) + 1 if kind in DEFECTS else 0
        mask = (read_mask(picture.with_suffix(".png")) > 127).astype(np.uint8) * value
        if value and not mask.any():
            continue
        items.append(Item(f"{kind.lower()}_{picture.stem}", picture, mask))
        groups.append(f"{items[-1].name}\t{tile}\n")
    spec = {
        "classes": {
            "background": {"ids": [0]},
            "defect": {"children": {kind.lower(): {"ids": [value]} for value, kind in enumerate(DEFECTS, start=1)}},
        }
    }
    write_set(out, {"": items}, spec, {"groups.txt": "".join(groups)})


def dibco(root: Path, out: Path) -> None:
    """Ink on old pages, whole years apart: 2009 to 2011 train, 2012 validates, 2013 tests. 0 is text, 255 ground."""
    splits: dict[str, list[Item]] = {"train": [], "val": [], "test": []}
    for item in pairs(root / "dibco/images", root / "dibco/masks"):
        year = int(item.name.removeprefix("DIBCO")[:4])
        splits[{2012: "val", 2013: "test"}.get(year, "train")].append(item)
    write_set(out, splits, {"classes": {"ground": {"ids": [255]}, "text": {"ids": [0]}}})


def car_parts(root: Path, out: Path) -> None:
    """Parts of cars and below them their sides; 70/10/20 per cent of the official training part.

    Three pictures outside train that show a picture of another split once more are left out.
    """

    def sides(**ids: int) -> dict[str, Any]:
        swap = {"left": "right", "right": "left"}
        children: dict[str, Any] = {}
        for side, value in ids.items():
            mirrored = "_".join(swap.get(word, word) for word in side.split("_"))
            children[side] = {"ids": [value]} | ({"mirror": mirrored} if mirrored != side else {})
        return {"children": children}

    spec = {
        "classes": {
            "background": {"ids": [0]},
            "bumper": sides(back=1, front=7),
            "glass": sides(back=2, front=8),
            "door": sides(back_left=3, back_right=5, front_left=9, front_right=11),
            "light": sides(back_left=4, back_right=6, front_left=10, front_right=12),
            "hood": {"ids": [13]},
            "mirror": sides(left=14, right=15),
            "tailgate": {"ids": [16]},
            "trunk": {"ids": [17]},
            "wheel": {"ids": [18]},
        }
    }
    items = pairs(root / "car_parts/train/images", root / "car_parts/train/masks")
    splits = deal(items, train=70, val=10)
    write_set(out, {s: [item for item in part if item.name not in CAR_TWINS] for s, part in splits.items()}, spec)


def nuclei(root: Path, out: Path) -> None:
    """Nuclei in microscopy, about 70/10/20 per cent, with as much of both kinds in each part.

    Pictures of one kind and size are a family. A family below `WHOLE_BELOW` pictures stays in one part; a larger one
    is dealt by pictures, for its slides are not known. `kinds.txt` of the set is handed on.
    """
    _nuclei(root, out, whole_below=WHOLE_BELOW)


def nuclei_by_picture(root: Path, out: Path) -> None:
    """The same pictures dealt one by one, as random splits do: pictures like the test part's lie in all parts."""
    _nuclei(root, out, whole_below=0)


def _nuclei(root: Path, out: Path, *, whole_below: int) -> None:
    text = (root / "dsb2018_nuclei/kinds.txt").read_text(encoding="utf-8")
    kinds = dict(line.split() for line in text.splitlines())
    items = pairs(root / "dsb2018_nuclei/images", root / "dsb2018_nuclei/instances")
    family = {item.name: (kinds[item.name], read_mask(Path(item.mask)).shape) for item in items}
    size = Counter(family.values())
    groups = {name: name if size[own] >= whole_below else str(own) for name, own in family.items()}
    number = {own: index for index, own in enumerate(sorted(size.keys() | set(kinds.values()), key=str))}
    classes = {
        name: [number[own[0]], *([number[own]] if size[own] >= whole_below else [])] for name, own in family.items()
    }
    side = split_by_group(groups, seed=SPLIT_SEED, shares=NUCLEI_SHARES, classes=classes)
    splits = {split: [item for item in items if side[item.name] == split] for split in NUCLEI_SHARES}
    spec = {"classes": {"background": {"kind": "stuff"}, "nucleus": {"kind": "thing"}}}
    write_set(out, splits, spec, {"kinds.txt": text}, labels="instances")


def coco_overfit(root: Path, out: Path) -> None:
    """All pictures of the COCO part to train with, and every third once more to choose weights and thresholds by.

    A data set whose parts share a picture is refused by smalta, rightly. Here the question is whether the network can
    hold what it is shown, so one pixel of each copy differs by one level, which makes it "nearly the same picture":
    a warning.
    """
    with whole(out) as part:
        folder.write(open_dataset(root / "coco128_panoptic"), part)
        for split in ("val", "test"):
            for path in (part / split).glob("*/*"):
                path.rename(part / "train" / path.parent.name / path.name)
            shutil.rmtree(part / split)
        for room in ("images", "masks", "instances"):
            (part / "val" / room).mkdir(parents=True)
        for picture in sorted((part / "train/images").iterdir())[::3]:
            pixels = read_picture(picture).copy()
            pixels[0, 0, 0] ^= 1
            write_picture(part / "val/images" / f"{picture.stem}.png", pixels)
            for room in ("masks", "instances"):
                shutil.copy(part / "train" / room / f"{picture.stem}.png", part / "val" / room)


SETS: dict[str, Callable[[Path, Path], None]] = {
    function.__name__: function
    for function in (
        camvid37,
        camvid37_330,
        camvid_speed,
        crackforest,
        magnetic_tile,
        dibco,
        car_parts,
        nuclei,
        nuclei_by_picture,
        coco_overfit,
    )
}


def prepared(name: str, *, again: bool = False) -> Path:
    """Folder of a data set, made if it is not there. `camvid11` needs nothing and stays where it is."""
    if name == "camvid11":
        return data_root() / name
    out = WORK / "data" / name
    if again or not out.is_dir():
        out.parent.mkdir(parents=True, exist_ok=True)
        SETS[name](data_root(), out)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the benchmark data sets in bench/work/data.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SETS)}; all if none is named")
    names = parser.parse_args().names
    if unknown := [name for name in names if name not in SETS]:
        parser.error(f"no set is called {unknown[0]!r}; sets are {', '.join(SETS)}")
    for name in names or SETS:
        folder = prepared(name, again=True)
        dataset = open_dataset(folder)
        print(f"{name}: " + ", ".join(f"{len(entries)} {split}" for split, entries in dataset.splits.items()))


if __name__ == "__main__":
    exit_on_error(main)
