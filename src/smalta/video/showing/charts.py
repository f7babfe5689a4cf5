"""Draw counts over time, and where things stood, without photographs.

In:  columns of a table of seconds; a map of seconds.
Out: pictures (H, W, 3) uint8 RGB.

Must not know: files, frames, tracks, how counts are made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from smalta.pictures.lettering import font_of

WIDTH, LEFT, RIGHT, GAP = 1200, 84, 30, 58  # pixels
OCCUPANCY_HEIGHT, LINE_HEIGHT, PLACE_HEIGHT = 240, 150, 22
BARS = 60  # at most, in the chart of a line
FINE = 2  # charts are drawn in twice their size
INK, PALE, PAPER, UNSEEN = (40, 44, 52), (222, 225, 230), (255, 255, 255), (236, 236, 240)
COLORS = ((25, 118, 210), (239, 108, 0), (123, 31, 162), (56, 142, 60), (194, 24, 91), (0, 131, 143))
IN, OUT, TAKEN, FREE = (46, 125, 50), (230, 81, 0), (211, 47, 47), (165, 214, 167)
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)  # seconds
HEAT_BLUR = 1.3  # standard deviation, cells
HEAT_POWER = 0.5  # of the share of the longest time: its strength


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """Counts at the end of each of N seconds.

    Attributes:
        begin_s: the first of these seconds; the time of the day in UTC where `of_day` is true.
        of_day: whether seconds are of a day, for live sources.
        zones: by name, (N,) float, NaN where nobody looked.
        places: by name, (N,) float, 1 = taken, NaN where nobody looked.
        lines: by name, (N,) crossings so far inwards and outwards.
    """

    begin_s: int
    of_day: bool
    zones: Mapping[str, np.ndarray]
    places: Mapping[str, np.ndarray]
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def __len__(self) -> int:
        """N."""
        values = [*self.zones.values(), *self.places.values(), *(ins for ins, _ in self.lines.values())]
        return len(values[0]) if values else 0


def draw_counts(columns: Columns) -> np.ndarray:
    """A chart with the occupancy of zones, the places that are taken, and the crossings of each line.

    Args:
        columns: of at least one second.

    Returns:
        (H, 1200, 3) uint8 RGB.
    """
    heights = [OCCUPANCY_HEIGHT] if columns.zones else []
    heights += [PLACE_HEIGHT * len(columns.places)] if columns.places else []
    heights += [LINE_HEIGHT] * len(columns.lines)
    paper = _Paper(sum(heights) + GAP * (len(heights) + 1), columns)
    top = GAP
    if columns.zones:
        _draw_zones(paper, columns, top)
        top += OCCUPANCY_HEIGHT + GAP
    if columns.places:
        _draw_places(paper, columns, top)
        top += PLACE_HEIGHT * len(columns.places) + GAP
    for line, (ins, outs) in columns.lines.items():
        _draw_line(paper, line, ins, outs, top)
        top += LINE_HEIGHT + GAP
    return paper.picture()


def _draw_zones(paper: _Paper, columns: Columns, top: int) -> None:
    most = max((float(np.nanmax(values, initial=0)) for values in columns.zones.values()), default=0)
    paper.title(top, "occupancy", [(name, COLORS[n % len(COLORS)]) for n, name in enumerate(columns.zones)])
    paper.unseen(next(iter(columns.zones.values())), top, OCCUPANCY_HEIGHT)
    high = paper.grid(top, OCCUPANCY_HEIGHT, most)
    for number, values in enumerate(columns.zones.values()):
        paper.steps(values, top, OCCUPANCY_HEIGHT, high, COLORS[number % len(COLORS)])


def _draw_places(paper: _Paper, columns: Columns, top: int) -> None:
    paper.title(top, "places", [("taken", TAKEN), ("free", FREE)])
    for number, (name, values) in enumerate(columns.places.items()):
        row = top + number * PLACE_HEIGHT
        paper.text((LEFT - 6, row + PLACE_HEIGHT / 2), name, anchor="rm", width=LEFT - 8)
        for begin, end, value in _runs(values):
            box = (paper.x(begin), row + 2, paper.x(end), row + PLACE_HEIGHT - 2)
            paper.box(box, UNSEEN if math.isnan(value) else TAKEN if value else FREE)
    paper.times(top, PLACE_HEIGHT * len(columns.places))


def _draw_line(paper: _Paper, name: str, ins: np.ndarray, outs: np.ndarray, top: int) -> None:
    bin_s = next((step for step in STEPS if len(ins) / step <= BARS), STEPS[-1])
    ends = np.minimum(np.arange(bin_s, len(ins) + bin_s, bin_s), len(ins)) - 1
    came, went = (np.diff(total[ends], prepend=0) for total in (ins, outs))
    title = f"{name}: {int(ins[-1])} in, {int(outs[-1])} out, in bars of {span(bin_s)}"
    paper.title(top, title, [("in", IN), ("out", OUT)])
    most = max(float(came.max()), float(went.max()), 1)
    middle, half = top + LINE_HEIGHT / 2, LINE_HEIGHT / 2 - 6
    for number, end in enumerate(ends.tolist()):
        left, right = paper.x(number * bin_s) + 1, paper.x(end + 1) - 1
        for count, sign, color in ((came[number], -1, IN), (went[number], 1, OUT)):
            if count:
                tip = middle + sign * half * float(count) / most
                paper.box((left, min(middle, tip), max(right, left + 1), max(middle, tip)), color)
    paper.line((LEFT, middle), (WIDTH - RIGHT, middle), INK)
    paper.text((LEFT - 6, middle - half), f"{most:.0f}", anchor="rm")
    paper.text((LEFT - 6, middle + half), f"{most:.0f}", anchor="rm")
    paper.times(top, LINE_HEIGHT)


class _Paper:
    """A canvas whose x axis is time; all places in pixels of the finished picture."""

    def __init__(self, height: int, columns: Columns) -> None:
        self._seconds, self._begin, self._of_day = max(len(columns), 1), columns.begin_s, columns.of_day
        self._canvas = Image.new("RGB", (FINE * WIDTH, FINE * height), PAPER)
        self._draw = ImageDraw.Draw(self._canvas)

    def picture(self) -> np.ndarray:
        array = np.asarray(self._canvas)
        size_wh = (array.shape[1] // FINE, array.shape[0] // FINE)
        return cv2.resize(array, size_wh, interpolation=cv2.INTER_AREA)

    def x(self, second: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * second / self._seconds

    def box(self, box: Sequence[float], color: Sequence[int]) -> None:
        self._draw.rectangle([FINE * value for value in box], fill=tuple(color))

    def line(self, start: tuple[float, float], end: tuple[float, float], color: Sequence[int], wide: int = 1) -> None:
        self._draw.line([FINE * value for value in (*start, *end)], fill=tuple(color), width=FINE * wide)

    def text(
        self,
        at: tuple[float, float],
        text: str,
        *,
        anchor: str,
        color: Sequence[int] = INK,
        size: int = 13,
        width: float | None = None,
    ) -> float:
        """Write a text; returns its width. A text wider than `width` is cut at its end."""
        font = font_of(FINE * size)
        while width is not None and len(text) > 2 and font.getlength(text) > FINE * width:
            text = text.rstrip("…")[:-1] + "…"
        self._draw.text((FINE * at[0], FINE * at[1]), text, fill=tuple(color), font=font, anchor=anchor)
        return float(font.getlength(text)) / FINE

    def title(self, top: float, text: str, keys: Sequence[tuple[str, Sequence[int]]]) -> None:
        """A title above a chart, and its legend."""
        x = LEFT + self.text((LEFT, top - 14), text, anchor="lm", size=15, width=WIDTH / 2) + 24
        for name, color in keys:
            if x > WIDTH - RIGHT - 60:
                self.text((x, top - 14), "…", anchor="lm")
                return
            self.box((x, top - 19, x + 10, top - 9), color)
            x += 15 + self.text((x + 15, top - 14), name, anchor="lm", width=WIDTH - RIGHT - x - 15) + 16

    def times(self, top: float, height: float) -> None:
        """Ticks of time below a chart."""
        step = next(
            (s for s in STEPS if self._seconds / s <= 12), STEPS[-1] * math.ceil(self._seconds / STEPS[-1] / 12)
        )
        first = math.ceil(self._begin / step) * step
        for second in range(first, self._begin + self._seconds + 1, step):
            x = self.x(second - self._begin)
            self.line((x, top + height), (x, top + height + 4), INK)
            self.text((x, top + height + 12), clock(second, of_day=self._of_day), anchor="mm", size=12)

    def grid(self, top: float, height: float, most: float) -> float:
        """Lines of equal numbers, and times; returns the number at the upper edge."""
        step = next(s * 10**power for power in range(9) for s in (1, 2, 5) if most / (s * 10**power) <= 5)
        high = step * max(1, math.ceil(most / step)) * 1.08
        for number in range(0, int(high) + 1, step):
            y = top + height * (1 - number / high)
            self.line((LEFT, y), (WIDTH - RIGHT, y), PALE if number else INK)
            self.text((LEFT - 6, y), str(number), anchor="rm")
        self.times(top, height)
        return high

    def unseen(self, values: np.ndarray, top: float, height: float) -> None:
        for begin, end, value in _runs(np.isnan(values).astype(float)):
            if value:
                self.box((self.x(begin), top, self.x(end), top + height), UNSEEN)

    def steps(self, values: np.ndarray, top: float, height: float, high: float, color: Sequence[int]) -> None:
        """A line of steps, the largest value of each pixel; it is interrupted where nobody looked."""
        before: float | None = None
        for begin, end, value in _runs(_by_pixel(values, FINE * WIDTH)):
            share = len(values) / min(len(values), FINE * WIDTH)
            if math.isnan(value):
                before = None
                continue
            y, left, right = top + height * (1 - value / high), self.x(begin * share), self.x(end * share)
            if before is not None:
                self.line((left, before), (left, y), color, 2)
            self.line((left, y), (right, y), color, 2)
            before = y


def _by_pixel(values: np.ndarray, most: int) -> np.ndarray:
    """At most `most` values: the largest of each part; NaN if a part has none."""
    if len(values) <= most:
        return values
    starts = np.arange(most) * len(values) // most
    high = np.maximum.reduceat(np.where(np.isnan(values), -np.inf, values), starts)
    return np.where(np.isinf(high), np.nan, high)


def _runs(values: np.ndarray) -> list[tuple[int, int, float]]:
    """Begin, end and value of the runs of equal values; all NaN are equal."""
    if not len(values):
        return []
    known = np.where(np.isnan(values), np.inf, values)
    begins = [0, *(np.flatnonzero(known[1:] != known[:-1]) + 1).tolist()]
    return [(a, b, float(values[a])) for a, b in zip(begins, [*begins[1:], len(values)], strict=True)]


def clock(second: int, *, of_day: bool) -> str:
    """A second as text: "14:05" of a day, "1:02:03" or "2:03" of a stream."""
    minutes, seconds = divmod(second, 60)
    if of_day:
        hours = (minutes // 60) % 24
        return f"{hours:02d}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def span(seconds: int) -> str:
    """A length of time, such as "30 s", "5 min" or "1 h"."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


# -- where things stood -------------------------------------------------------------------------------


def draw_heat(seconds: np.ndarray, ground: np.ndarray, cell: int, shapes: Sequence[np.ndarray]) -> np.ndarray:
    """A map of where things stood, over the colours of the ground.

    Args:
        seconds: (h, w) float, that things stood in each square of `cell` pixels.
        ground: (H, W, 3) uint8 RGB, the colours of the class map; it is shown pale.
        cell: side of a square, pixels.
        shapes: (k, 2) order (x, y), pixels: outlines and lines to draw over it.

    Returns:
        (H + h, W, 3) uint8 RGB, with a scale below.
    """
    height, width = ground.shape[:2]
    smooth = cv2.GaussianBlur(seconds.astype(np.float32), (0, 0), HEAT_BLUR)
    most = float(smooth.max())
    large = cv2.resize(smooth, (smooth.shape[1] * cell, smooth.shape[0] * cell), interpolation=cv2.INTER_CUBIC)
    large = np.clip(large[:height, :width], 0, None)
    strength = (large / most if most > 0 else large) ** HEAT_POWER
    colors = _heat_colors(np.clip(strength, 0, 1))
    pale = ground.astype(np.float32) * 0.35 + 255 * 0.65
    opacity = np.clip(strength * 2.5, 0, 0.92)[..., None].astype(np.float32)
    image = np.rint(pale + (colors - pale) * opacity).astype(np.uint8)
    for shape in shapes:
        cv2.polylines(image, [np.rint(shape).astype(np.int32)], len(shape) > 2, INK, 1, cv2.LINE_AA)
    return np.concatenate([image, _scale(width, most, cell)])


def _scale(width: int, most: float, cell: int) -> np.ndarray:
    """A strip that explains the colours."""
    strip = np.full((34, width, 3), 255, dtype=np.uint8)
    length = min(200, width // 3)
    strip[12:22, 10 : 10 + length] = np.rint(_heat_colors(np.linspace(0, 1, length, dtype=np.float32)[None]))
    canvas = Image.fromarray(strip)
    draw, font = ImageDraw.Draw(canvas), font_of(12)
    text = f"0 to {most:.3g} s" if most > 0 else "nothing was seen"
    long = f"{text} in a square of {cell} px (the colour follows the square root)"
    room = width - length - 24
    draw.text((18 + length, 17), long if font.getlength(long) <= room else text, fill=INK, font=font, anchor="lm")
    return np.asarray(canvas)


def _heat_colors(strength: np.ndarray) -> np.ndarray:
    """(..., 3) float32 RGB for (h, w) shares in 0..1."""
    colored = cv2.applyColorMap(np.rint(255 * strength).astype(np.uint8), cv2.COLORMAP_TURBO)
    return cv2.cvtColor(colored, cv2.COLOR_BGR2RGB).astype(np.float32)
