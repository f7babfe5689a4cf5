"""Pictures of flat things are the same for a seed, and their labels are what is drawn."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from smalta.classes import ClassTree
from smalta.data.sample import Sample
from smalta.scenes.cells import cell_tree, draw_cells
from smalta.scenes.ink import draw_ink, ink_tree
from smalta.scenes.letter import draw_letter, letter_tree
from smalta.scenes.shop import draw_shop, shop_tree
from smalta.scenes.surface import draw_surface, surface_tree

KINDS: dict[str, tuple[Callable[..., Sample], Callable[[], ClassTree]]] = {
    "cells": (draw_cells, cell_tree),
    "ink": (draw_ink, ink_tree),
    "letter": (draw_letter, letter_tree),
    "shop": (draw_shop, shop_tree),
    "surface": (draw_surface, surface_tree),
}
WITH_OBJECTS = ("cells", "shop")
every_kind = pytest.mark.parametrize("kind", KINDS)


def grey(sample: Sample) -> np.ndarray:
    return cv2.cvtColor(sample.picture, cv2.COLOR_RGB2GRAY).astype(float)


def digest(sample: Sample) -> str:
    objects = b"" if sample.instances is None else sample.instances.tobytes()
    return hashlib.sha256(sample.picture.tobytes() + sample.classes.tobytes() + objects).hexdigest()


def test_a_seed_gives_the_same_sample_in_another_process() -> None:
    program = "import hashlib\n" + "".join(
        f"from smalta.scenes.{kind} import draw_{kind}\n"
        f"s = draw_{kind}(7)\n"
        "o = b'' if s.instances is None else s.instances.tobytes()\n"
        "print(hashlib.sha256(s.picture.tobytes() + s.classes.tobytes() + o).hexdigest())\n"
        for kind in KINDS
    )

    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert [digest(draw(7)) for draw, _ in KINDS.values()] == there
    assert len({*there, *(digest(draw(9)) for draw, _ in KINDS.values())}) == 2 * len(KINDS)


@every_kind
def test_maps_fit_the_picture_and_the_tree(kind: str) -> None:
    draw, make_tree = KINDS[kind]
    tree = make_tree()

    for seed in range(6):
        sample = draw(seed, (96, 130))

        assert sample.picture.shape == (96, 130, 3)
        assert sample.classes.dtype == np.uint16
        assert set(np.unique(sample.classes)) <= set(tree.leaves)
        assert (sample.instances is not None) == (kind in WITH_OBJECTS)


@every_kind
def test_every_class_occurs(kind: str) -> None:
    draw, make_tree = KINDS[kind]

    seen = {int(node) for seed in range(10) for node in np.unique(draw(seed).classes)}

    assert seen == set(make_tree().leaves)


@pytest.mark.parametrize("kind", WITH_OBJECTS)
def test_objects_are_numbered_without_gaps_and_are_exactly_the_things(kind: str) -> None:
    draw, make_tree = KINDS[kind]
    tree = make_tree()

    for seed in range(8):
        sample = draw(seed)
        numbers, pixels = np.unique(sample.instances[sample.instances > 0], return_counts=True)

        assert numbers.tolist() == list(range(1, len(numbers) + 1))
        assert pixels.min() >= 20  # nobody is a sliver
        assert (tree.is_thing[sample.classes] == (sample.instances > 0)).all()


def test_many_cells_touch_another_cell() -> None:
    touching = total = 0
    for seed in range(6):
        instances = draw_cells(seed).instances
        right = np.stack([instances[:, :-1].ravel(), instances[:, 1:].ravel()])
        below = np.stack([instances[:-1].ravel(), instances[1:].ravel()])
        pairs = np.concatenate([right, below], axis=1)
        borders = pairs[:, (pairs > 0).all(axis=0) & (pairs[0] != pairs[1])]
        touching += len(np.unique(borders))
        total += instances.max()

    assert total > 60
    assert touching > total / 2


def test_cells_are_brighter_than_the_ground_around_them() -> None:
    for seed in range(4):
        sample = draw_cells(seed)
        cells = (sample.instances > 0).astype(np.uint8)
        around = cv2.dilate(cells, np.ones((9, 9), np.uint8)) - cv2.dilate(cells, np.ones((3, 3), np.uint8))

        assert grey(sample)[cells > 0].mean() > 2 * grey(sample)[around > 0].mean()


def threshold_f1(sample: Sample) -> float:
    """F1 of ink found with Otsu's threshold."""
    _, dark = cv2.threshold(grey(sample).astype(np.uint8), 0, 1, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    true, dark = sample.classes == ink_tree()["ink"].id, dark > 0
    return 2 * (true & dark).sum() / (true.sum() + dark.sum())


def test_a_brightness_threshold_finds_the_ink_of_even_pages_only() -> None:
    even = [threshold_f1(draw_ink(seed)) for seed in range(0, 12, 2)]
    stained = [threshold_f1(draw_ink(seed)) for seed in range(1, 12, 2)]

    assert min(even) > 0.9
    assert np.median(stained) < 0.6
    assert draw_ink(0).name.startswith("even")
    assert draw_ink(1).name.startswith("stained")


def test_ink_is_darker_than_the_paper_beside_it() -> None:
    for seed in range(6):
        sample = draw_ink(seed)
        ink = (sample.classes == ink_tree()["ink"].id).astype(np.uint8)
        beside = cv2.dilate(ink, np.ones((7, 7), np.uint8)) - cv2.dilate(ink, np.ones((3, 3), np.uint8))

        assert grey(sample)[ink > 0].mean() < grey(sample)[beside > 0].mean() - 25


def test_cracks_are_darker_and_scratches_brighter_than_the_surface_beside_them() -> None:
    tree, darker, brighter = surface_tree(), [], []
    for seed in range(12):
        sample = draw_surface(seed)
        for name, found in (("crack", darker), ("scratch", brighter)):
            inside = (sample.classes == tree[name].id).astype(np.uint8)
            near = cv2.dilate(inside, np.ones((7, 7), np.uint8)) * (sample.classes == tree["sound"].id)
            if inside.sum() > 30:
                found.append(grey(sample)[inside > 0].mean() - grey(sample)[near > 0].mean())

    assert len(darker) > 4
    assert len(brighter) > 4
    assert max(darker) < -10
    assert min(brighter) > 10


def test_defects_are_thin() -> None:
    for seed in range(6):
        sample = draw_surface(seed)
        crack = (sample.classes == surface_tree()["crack"].id).astype(np.uint8)
        depth = cv2.distanceTransform(crack, cv2.DIST_L2, 3)

        assert np.quantile(depth[crack > 0], 0.9) <= 2.5 if crack.any() else True


def test_the_zones_of_a_letter_hold_all_ink_except_a_rule_and_stand_in_order() -> None:
    tree = letter_tree()
    for seed in range(8):
        sample = draw_letter(seed)
        rows = {name: np.nonzero(sample.classes == tree[name].id)[0] for name in ("title", "body", "date", "signature")}
        smooth = cv2.GaussianBlur(grey(sample), (0, 0), 12)
        ink = grey(sample) < 0.75 * smooth

        assert (ink & (sample.classes != tree["paper"].id)).sum() > 0.85 * ink.sum()
        assert rows["title"].max() < rows["body"].min()
        assert rows["body"].max() <= rows["date"].min() + 3  # a turned page lifts one end of a line
        assert rows["body"].max() < rows["signature"].mean()


def test_people_do_not_hide_each_other() -> None:
    for seed in range(8):
        instances = draw_shop(seed).instances
        inner = instances[12:-12, 12:-12]
        whole = np.setdiff1d(
            inner, np.unique(np.concatenate([instances[[0, -1]].ravel(), instances[:, [0, -1]].ravel()]))
        )

        areas = [int((instances == number).sum()) for number in whole if number]

        assert not areas or min(areas) > 100
