"""Generated street and parking scenes with exact labels of all kinds.

In:  a kind of scene, a seed, a picture size.
Out: `Sample`s; a folder data set on the disk.

Must not know: networks, training. The same seed gives the same scene, and different seeds give different scenes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from smalta.classes import ClassTree
from smalta.data.sample import Sample
from smalta.errors import ConfigError
from smalta.pictures.writing import write_index, write_picture
from smalta.scenes.light import Light
from smalta.scenes.parking import build_parking
from smalta.scenes.street import build_street
from smalta.scenes.vehicles import BODIES, MAKES
from smalta.system.threads import map_in_order
from smalta.system.whole_files import write_bytes

Kind = Literal["street", "parking", "mixed"]
KINDS: tuple[Kind, ...] = ("street", "parking", "mixed")


def scene_tree(kind: Kind = "mixed") -> ClassTree:
    """The classes of a kind of scene; "mixed" has the classes of both kinds."""
    _check_kind(kind)
    ways: dict[str, Any] = {}
    if kind != "parking":
        ways["own_lane"] = {"color": "#7d5fb2", "mirror": "oncoming_lane"}
        ways["oncoming_lane"] = {"color": "#b39ddb"}
    if kind != "street":
        ways["aisle"] = {"color": "#6a6a8c"}
    ways |= {
        "bay": {"color": "#9ccc9c"},
        "marking": {"color": "#ffffff"},
        "pavement": {"color": "#f4a7c0"},
    }
    makes = dict(zip(MAKES, ({"color": "#e53935"}, {"color": "#1e88e5"}, {"color": "#fdd835"}), strict=True))
    kinds_of_vehicle: dict[str, Any] = {
        "car": {"color": "#f4511e", "attributes": {"body": list(BODIES)}, "children": makes}
    }
    if kind != "parking":
        kinds_of_vehicle["bus"] = {"color": "#00897b"}
    return ClassTree(
        {
            "sky": {"color": "#87ceeb"},
            "construction": {
                "color": "#a1887f",
                "children": {"building": {"color": "#8d6e63"}, "pole": {"color": "#546e7a"}},
            },
            "nature": {
                "color": "#689f38",
                "children": {"tree": {"color": "#2e7d32"}, "grass": {"color": "#9e9d24"}},
            },
            "road": {"color": "#9575cd", "children": ways},
            "sign": {"color": "#ff9800"},
            "person": {"kind": "thing", "color": "#ff4fd8"},
            "vehicle": {"kind": "thing", "color": "#3949ab", "children": kinds_of_vehicle},
        },
        ignore=[255],
    )


def generate(kind: Kind, seed: int, size_hw: tuple[int, int] = (192, 256)) -> Sample:
    """One scene.

    Args:
        kind: "street", "parking", or "mixed" (streets for even seeds, parking for odd seeds).
        seed: any number >= 0; the same seed gives the same scene.
        size_hw: picture size in pixels, at least 32 by 32.

    Returns:
        A sample in the classes of `scene_tree(kind)` with instances of people and vehicles and the attribute
        "body" of cars. The maps show what is visible. If only a few pixels of an object are visible, these pixels are
        unlabelled.
    """
    _check_kind(kind)
    if seed < 0:
        raise ConfigError(f"seed must be 0 or more, got {seed}")
    if min(size_hw) < 32:
        raise ConfigError(f"size_hw must be at least 32 by 32 pixels, got {size_hw}")
    rng = np.random.default_rng(seed)
    light = Light.draw(rng)
    shown = kind if kind != "mixed" else KINDS[seed % 2]
    build = build_street if shown == "street" else build_parking
    stage, horizon = build(rng, light, size_hw, scene_tree(kind))
    stage.paint()
    picture, classes, instances, body = stage.photograph(rng, horizon=horizon)
    return Sample(
        name=f"{shown}_{seed:06d}",
        picture=picture,
        classes=classes,
        instances=instances,
        attributes={"body": body},
    )


def write_scenes(
    out: str | Path,
    *,
    n_train: int,
    n_val: int,
    n_test: int,
    seed: int = 0,
    size_hw: tuple[int, int] = (192, 256),
    kind: Kind = "mixed",
) -> Path:
    """Write scenes as a folder data set with masks, instances, attributes and `classes.yaml`.

    The scenes have the seeds `seed`, `seed + 1`, ... in the order train, val, test, so no scene is in two splits.

    Args:
        out: the folder to write; new or empty.
        n_train: number of scenes in the training split; a split without scenes has no folder.
        n_val: number of scenes in the validation split.
        n_test: number of scenes in the test split.
        seed: of the first scene.
        size_hw: picture size in pixels.
        kind: as in `generate`.

    Returns:
        `out`.

    Raises:
        ConfigError: if a number is negative, all are 0, or `out` holds files.

    Example:
        >>> print(write_scenes("more", n_train=1, n_val=1, n_test=1, size_hw=(64, 96)))
        more
    """
    counts = {"train": n_train, "val": n_val, "test": n_test}
    if min(counts.values()) < 0 or sum(counts.values()) == 0:
        raise ConfigError(f"numbers of scenes must be 0 or more, and at least one above 0, got {counts}")
    root = Path(out)
    if root.is_file() or (root.is_dir() and any(root.iterdir())):
        raise ConfigError(f"{root} is not empty; name a new folder for the scenes")
    tree = scene_tree(kind)
    root.mkdir(parents=True, exist_ok=True)
    write_bytes(root / "classes.yaml", tree.to_yaml().encode())
    jobs: list[tuple[Path, int]] = []
    for split, count in counts.items():
        if count:
            for role in ("images", "masks", "instances", "attributes/body"):
                (root / split / role).mkdir(parents=True)
        jobs += [(root / split, seed + len(jobs) + i) for i in range(count)]

    def write(job: tuple[Path, int]) -> None:
        folder, number = job
        _write(folder, generate(kind, number, size_hw), tree)

    for _ in map_in_order(write, jobs):
        pass
    return root


def _write(folder: Path, sample: Sample, tree: ClassTree) -> None:
    assert sample.instances is not None  # `generate` always gives them
    write_picture(folder / "images" / f"{sample.name}.png", sample.picture)
    write_index(folder / "masks" / sample.name, tree.node_to_value[sample.classes])
    write_index(folder / "instances" / sample.name, sample.instances)
    write_index(folder / "attributes" / "body" / sample.name, sample.attributes["body"])


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ConfigError(f"kind of scene must be one of {', '.join(KINDS)}, got {kind!r}")
