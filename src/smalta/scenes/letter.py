"""Typed letters: title, body, and a closing with date and signature.

In:  a seed, a picture size.
Out: `Sample`s with the zones of the page.

Numpy and OpenCV. Must not know: networks, files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from smalta.classes import ClassTree
from smalta.data.sample import Sample
from smalta.scenes.flat import SCALE, clouds, cover, sensor, uneven_light
from smalta.scenes.writing import PRINT, TOWNS, Pen, heading, warped

MONTHS = ("January", "March", "April", "May", "June", "August", "September", "October", "December")
MARGIN = 4  # cells around the ink of a zone
TITLE, BODY, DATE, SIGNATURE = "text/title", "text/body", "text/closing/date", "text/closing/signature"


def letter_tree() -> ClassTree:
    """Paper, and the zones of text: title, body, and the closing with its date and signature."""
    closing = {"date": {"color": "#26a69a"}, "signature": {"color": "#ab47bc"}}
    return ClassTree(
        {
            "paper": {"color": "#eceff1"},
            "text": {
                "color": "#ffb300",
                "children": {
                    "title": {"color": "#e53935"},
                    "body": {"color": "#1e88e5"},
                    "closing": {"color": "#43a047", "children": closing},
                },
            },
        }
    )


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The cells of a page: ink, 0..255, and node ids of the zones, 0 = paper."""

    ink: np.ndarray
    zones: np.ndarray
    tree: ClassTree

    def mark(self, node: str, boxes: Sequence[tuple[float, float, float, float]]) -> None:
        """Label the rectangle around boxes (top, left, bottom, right) of cells as a zone."""
        tops, lefts, bottoms, rights = zip(*boxes, strict=True)
        ends = min(tops) - MARGIN, min(lefts) - MARGIN, max(bottoms) + MARGIN, max(rights) + MARGIN
        top, left, bottom, right = (max(round(end), 0) for end in ends)
        self.zones[top:bottom, left:right] = self.tree[node].id


def draw_letter(seed: int, size_hw: tuple[int, int] = (256, 192)) -> Sample:
    """One page; the same for the same seed.

    Returns:
        A sample in the classes of `letter_tree()`. A zone is the rectangle around its lines, turned with the page.
    """
    rng = np.random.default_rng((seed, 4))
    tree = letter_tree()
    height, width = (side * SCALE for side in size_hw)
    sheet = _Sheet(np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8), tree)
    left, right = rng.uniform(0.09, 0.16) * width, rng.uniform(0.84, 0.92) * width
    font = int(PRINT[rng.integers(len(PRINT))])
    y = _title(rng, sheet, rng.uniform(0.07, 0.16) * height, (left, right), font)
    y = _body(rng, sheet, y, rng.uniform(0.62, 0.76) * height, (left, right), font)
    _closing(rng, sheet, y + rng.uniform(24, 50), (left, right), font)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.normal(0, 1.2)), 1.0)
    ink = cv2.warpAffine(sheet.ink, turn, (width, height))
    zones = cv2.warpAffine(sheet.zones, turn, (width, height), flags=cv2.INTER_NEAREST)
    middle = zones[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE]
    classes = np.where(middle > 0, middle, tree["paper"].id).astype(np.uint16)
    return Sample(name=f"letter_{seed:06d}", picture=_scanned(rng, warped(ink, rng, 0.6, 12.0)), classes=classes)


def _title(rng: np.random.Generator, sheet: _Sheet, y: float, sides: tuple[float, float], font: int) -> float:
    """Write one or two large lines, in the middle or at the left; returns where the body may begin."""
    pen = Pen(font=font, scale=float(rng.uniform(1.15, 1.55)), stroke=int(rng.integers(4, 6)))
    in_the_middle, capitals = rng.random() < 0.6, rng.random() < 0.3
    places = []
    for _ in range(rng.integers(1, 3)):
        text = heading(rng)
        text = text.upper() if capitals and pen.size_hw(text.upper())[1] < sides[1] - sides[0] else text
        height, width = pen.size_hw(text)
        y += height
        places.append(pen.write(sheet.ink, text, (y, (sum(sides) - width) / 2 if in_the_middle else sides[0])))
        y += 0.6 * height
    sheet.mark(TITLE, places)
    if rng.random() < 0.35:  # a rule below the title belongs to no zone
        cv2.line(sheet.ink, (round(sides[0]), round(y)), (round(sides[1]), round(y)), 200, 2)
    return y + rng.uniform(20, 50)


def _body(
    rng: np.random.Generator, sheet: _Sheet, y: float, bottom: float, sides: tuple[float, float], font: int
) -> float:
    """Write paragraphs down to `bottom`; returns where they end."""
    pen = Pen(font=font, scale=float(rng.uniform(0.62, 0.8)), stroke=2)
    pitch = pen.size_hw("Hg")[0] * rng.uniform(1.3, 1.6)
    places: list[tuple[float, float, float, float]] = []
    while not places or y + pitch < bottom:
        n_lines = int(rng.integers(3, 8))
        for i in range(n_lines):
            y += pitch
            last = i == n_lines - 1 or y + pitch > bottom
            indent = 34.0 if i == 0 else 0.0
            room = (sides[1] - sides[0] - indent) * (rng.uniform(0.3, 0.8) if last else 1.0)
            places.append(pen.write(sheet.ink, pen.words(rng, room), (y, sides[0] + indent)))
            if last:
                break
        y += pitch * rng.uniform(0.3, 0.9)
    sheet.mark(BODY, places)
    return y


def _closing(rng: np.random.Generator, sheet: _Sheet, y: float, sides: tuple[float, float], font: int) -> None:
    """Write place and date at one side, and a signature at the other or below."""
    pen = Pen(font=font, scale=float(rng.uniform(0.62, 0.8)), stroke=2)
    day = f"{rng.choice(TOWNS)}, {rng.integers(1, 29)} {rng.choice(MONTHS)} {rng.integers(1890, 1960)}"
    height, width = pen.size_hw(day)
    right_hand = rng.random() < 0.3
    left = sides[1] - width if right_hand else sides[0]
    sheet.mark(DATE, [pen.write(sheet.ink, day, (y + height, left))])
    below = right_hand or left + width > sides[1] - 240 or rng.random() < 0.6
    y += height * (rng.uniform(1.6, 2.6) if below else -0.6)
    size_hw = (rng.uniform(34, 52), rng.uniform(120, 190))
    _signature(rng, sheet, (y, sides[1] - size_hw[1] - rng.uniform(0, 40)), size_hw)


def _signature(
    rng: np.random.Generator, sheet: _Sheet, corner_yx: tuple[float, float], size_hw: tuple[float, float]
) -> None:
    """Draw a fast line with loops that flattens out, and label its rectangle."""
    t = np.linspace(0, 1, 160)
    loops = rng.uniform(5, 8) * 2 * np.pi * t
    fading = (1 - 0.75 * t) * (0.75 + 0.25 * np.sin(rng.uniform(3, 5) * t * 2 * np.pi))
    x = t + 0.045 * np.cos(loops)
    y = 0.5 - 0.5 * fading * np.sin(loops) + 0.1 * np.sin(2 * np.pi * t + rng.uniform(0, 6))
    points_yx = np.stack([corner_yx[0] + size_hw[0] * y, corner_yx[1] + size_hw[1] * x], axis=1)
    points_xy = np.rint(points_yx[:, ::-1]).astype(np.int32)
    cv2.polylines(sheet.ink, [points_xy.reshape(-1, 1, 2)], False, 255, 4, cv2.LINE_AA)
    (top, left), (bottom, right) = points_yx.min(axis=0), points_yx.max(axis=0)
    sheet.mark(SIGNATURE, [(top, left, bottom, right)])


def _scanned(rng: np.random.Generator, ink: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: the page as a scanner or a camera sees it."""
    strength = cover(ink) * np.float32(rng.uniform(0.65, 0.9))
    size_hw = (strength.shape[0], strength.shape[1])
    paper = np.array((0.93, 0.91, 0.86), dtype=np.float32) * np.float32(rng.uniform(0.88, 1.03))
    paper = (
        paper
        * (1 + np.float32(0.012) * clouds(rng, size_hw, 1.0) + np.float32(0.02) * clouds(rng, size_hw, 6.0))[..., None]
    )
    tone = np.array((0.12, 0.12, 0.16), dtype=np.float32)
    seen = paper * (1 - strength[..., None]) + tone * strength[..., None]
    light = uneven_light(rng, size_hw, float(rng.uniform(0.05, 0.35)))
    return sensor(seen * light[..., None], rng, blur=float(rng.uniform(0.3, 0.5)), noise=0.015)
