"""Pages with ink: even ones, and old ones with stains, shadow and writing that shows through from the back.

In:  a seed, a picture size.
Out: `Sample`s with the pixels of ink.

Numpy and OpenCV. Must not know: networks, files.
"""

from __future__ import annotations

import cv2
import numpy as np

from smalta.classes import ClassTree
from smalta.data.sample import Sample
from smalta.scenes.flat import SCALE, clouds, cover, sensor, uneven_light
from smalta.scenes.writing import HAND, PRINT, Pen, warped


def ink_tree() -> ClassTree:
    """Paper and ink; ink is the positive class."""
    return ClassTree({"paper": {"color": "#f5f0e1"}, "ink": {"color": "#d81b60"}})


def draw_ink(seed: int, size_hw: tuple[int, int] = (160, 240)) -> Sample:
    """A part of a page: an even one for even seeds, a stained one for odd seeds.

    Returns:
        A sample in the classes of `ink_tree()`; a pixel is ink if the writing of the front covers half of it.
    """
    rng = np.random.default_rng((seed, 2))
    stained = seed % 2 == 1
    front = cover(_written(rng, size_hw))
    paper = _old_paper(rng, size_hw) if stained else _even_paper(rng, size_hw)
    dark = rng.uniform(0.75, 0.9)
    if stained:
        faded = np.clip(0.8 + 0.16 * clouds(rng, size_hw, 1.2), 0.45, 1.0)
        strength = front * faded * np.float32(rng.uniform(0.72, 0.85))
        light = uneven_light(rng, size_hw, float(rng.uniform(0.6, 0.85)))
    else:
        strength = front * np.float32(dark)
        light = uneven_light(rng, size_hw, 0.06)
    tone = np.array((0.10, 0.085, 0.09) if rng.random() < 0.5 else (0.20, 0.12, 0.07), dtype=np.float32)
    seen = (paper * (1 - strength[..., None]) + tone * strength[..., None]) * light[..., None]
    blur = float(rng.uniform(0.4, 0.7)) if stained else 0.3
    picture = sensor(seen, rng, blur=blur, noise=0.03 if stained else 0.012)
    tree = ink_tree()
    classes = np.where(front >= 0.5, tree["ink"].id, tree["paper"].id).astype(np.uint16)
    return Sample(name=f"{'stained' if stained else 'even'}_{seed:06d}", picture=picture, classes=classes)


def _written(rng: np.random.Generator, size_hw: tuple[int, int]) -> np.ndarray:
    """(H * SCALE, W * SCALE) uint8: lines of print or of a hand."""
    height, width = (side * SCALE for side in size_hw)
    cells = np.zeros((height, width), dtype=np.uint8)
    by_hand = rng.random() < 0.5
    fonts = HAND if by_hand else PRINT
    font = int(fonts[rng.integers(len(fonts))])
    pen = Pen(font=font, scale=float(rng.uniform(2.2, 2.8)), stroke=int(rng.integers(5, 8)))
    high, _ = pen.size_hw("H")
    left, y = rng.uniform(10, 40), rng.uniform(0.9, 1.4) * high
    while y < height + high:
        room = width - left - rng.uniform(0, 0.25 * width)
        pen.write(cells, pen.words(rng, room), (y, left + rng.uniform(0, 12)))
        y += high * rng.uniform(1.7, 1.95)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.normal(0, 0.8)), 1.0)
    turned = cv2.warpAffine(cells, turn, (width, height))
    return warped(warped(turned, rng, 3.5 if by_hand else 1.2, 90.0), rng, 0.9, 14.0)


def _even_paper(rng: np.random.Generator, size_hw: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) float32: white paper."""
    white = np.array((0.93, 0.925, 0.90), dtype=np.float32) * np.float32(rng.uniform(0.96, 1.02))
    return white * (1 + np.float32(0.008) * clouds(rng, size_hw, 1.0))[..., None]


def _old_paper(rng: np.random.Generator, size_hw: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) float32: yellowed paper with spots, tide marks, and the writing of its back."""
    yellow = np.array((0.88, 0.80, 0.62), dtype=np.float32) * np.float32(rng.uniform(0.9, 1.03))
    rough = np.float32(0.03) * clouds(rng, size_hw, 1.0) + np.float32(0.05) * clouds(rng, size_hw, 6.0)
    brown = np.array((0.45, 0.62, 0.85), dtype=np.float32)  # how strongly a stain takes red, green and blue
    stain = _tide_marks(rng, size_hw) + _spots(rng, size_hw)
    back = cv2.GaussianBlur(cover(_written(rng, size_hw))[:, ::-1], (0, 0), float(rng.uniform(0.9, 1.5)))
    patchy = np.clip(0.75 + 0.35 * clouds(rng, size_hw, 3.0), 0.2, 1.2)
    through = back * patchy * np.float32(rng.uniform(0.28, 0.42))
    return yellow * (1 + rough)[..., None] * (1 - stain[..., None] * brown) * (1 - through[..., None])


def _tide_marks(rng: np.random.Generator, size_hw: tuple[int, int]) -> np.ndarray:
    """(H, W) float32: darkness of dried pools, darkest at their rim."""
    height, width = size_hw
    y, x = np.mgrid[:height, :width].astype(np.float32)
    total = np.zeros(size_hw, dtype=np.float32)
    for _ in range(rng.integers(1, 4)):
        centre_y, centre_x = rng.uniform(0, height), rng.uniform(0, width)
        radius = np.float32(rng.uniform(25, 70))
        reach = np.hypot(y - centre_y, x - centre_x) / radius + np.float32(0.10) * clouds(rng, size_hw, 1.5)
        inside = np.clip((1 - reach) * 12, 0, 1)
        rim = np.exp(-(((reach - np.float32(0.97)) / np.float32(0.045)) ** 2))
        total += np.float32(rng.uniform(0.18, 0.42)) * (np.float32(0.6) * inside + np.float32(0.5) * rim)
    return np.minimum(total, np.float32(0.6))


def _spots(rng: np.random.Generator, size_hw: tuple[int, int]) -> np.ndarray:
    """(H, W) float32: darkness of small brown spots."""
    cells = np.zeros((size_hw[0] * SCALE, size_hw[1] * SCALE), dtype=np.uint8)
    for _ in range(rng.integers(5, 25)):
        place_xy = (int(rng.integers(cells.shape[1])), int(rng.integers(cells.shape[0])))
        cv2.circle(cells, place_xy, int(rng.integers(2, 9)), int(rng.integers(60, 160)), -1)
    return cv2.GaussianBlur(cover(cells), (0, 0), 0.9)
