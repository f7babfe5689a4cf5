"""Generated street and parking scenes with exact labels of all kinds.

In:  a kind of scene, a seed, a picture size.
Out: `Sample`s; a folder data set on the disk.

Cells, ink on pages, letters, surfaces and a shop from above are in modules of their own, each with a `draw_...` and a
`..._tree` function.

Must not know: networks, training. The same seed gives the same scene, and different seeds give different scenes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from smalta.classes import ClassTree
from smalta.data.sample import Sample
from smalta.errors import ConfigError
from smalta.scenes.animals import ANIMAL, add_animals
from smalta.scenes.data_set import write_data_set
from smalta.scenes.light import Light
from smalta.scenes.parking import build_parking
from smalta.scenes.street import build_street
from smalta.scenes.vehicles import BODIES, MAKES

Kind = Literal["street", "parking", "mixed"]
KINDS: tuple[Kind, ...] = ("street", "parking", "mixed")
ANIMAL_SEED = 5  # animals are drawn from a generator of their own, so that the rest of the scene stays


def scene_tree(kind: Kind = "mixed", *, animals: bool = False) -> ClassTree:
    """The classes of a kind of scene; "mixed" has the classes of both kinds, and `animals` adds one."""
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
        }
        | ({ANIMAL: {"kind": "thing", "color": "#76ff03"}} if animals else {}),
        ignore=[255],
    )


def generate(kind: Kind, seed: int, size_hw: tuple[int, int] = (192, 256), *, animals: bool = False) -> Sample:
    """One scene.

    Args:
        kind: "street", "parking", or "mixed" (streets for even seeds, parking for odd seeds).
        seed: any number >= 0; the same seed gives the same scene.
        size_hw: picture size in pixels, at least 32 by 32.
        animals: whether cows, sheep, horses and dogs have walked into the scene, which is else the same.

    Returns:
        A sample in the classes of `scene_tree(kind, animals=animals)` with instances of people, vehicles and animals
        and the attribute "body" of cars. The maps show what is visible. If only a few pixels of an object are visible,
        these pixels are unlabelled.
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
    stage, horizon = build(rng, light, size_hw, scene_tree(kind, animals=animals))
    if animals:
        add_animals(np.random.default_rng((seed, ANIMAL_SEED)), stage)
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
    return write_data_set(
        out,
        scene_tree(kind),
        lambda number: generate(kind, number, size_hw),
        n_train=n_train,
        n_val=n_val,
        n_test=n_test,
        seed=seed,
    )


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ConfigError(f"kind of scene must be one of {', '.join(KINDS)}, got {kind!r}")
