"""Draw what a watcher sees over a frame: masks, numbers, zones, lines, counts; blur things that nobody may recognise.

In:  a frame, its tracks and ground, the rules, the counts.
Out: pictures for people.

Must not know: files, networks, how tracks and counts are made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np
from PIL import Image, ImageDraw

from smalta.pictures.lettering import font_of
from smalta.pictures.overlay import object_colors
from smalta.video.rules import Line, WatchRules, Zone
from smalta.video.values import Ground, Mask, Track

INSIDE, FLOOR, TINT = 0.38, 0.10, 0.30  # opacity of a mask, of a zone, of a stuff zone
TRAIL_SECONDS = 2.0  # of the way of a foot
FLASH_SECONDS = 0.5  # that a line is bright after it was crossed
FREE, TAKEN, GREY = (70, 200, 90), (235, 70, 60), (150, 150, 150)
ZONES = ((64, 196, 255), (255, 171, 64), (186, 104, 200), (174, 213, 77), (255, 110, 150), (77, 208, 190))
LINE, BRIGHT, TEXT, PAPER = (255, 214, 0), (255, 255, 255), (245, 245, 245), (24, 24, 28)
BLUR_SHARE = 0.25  # of an object's height: side of the square whose mean a pixel gets, twice
BLUR_LEAST = 15  # pixels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overlay:
    """What is drawn over one frame.

    Attributes:
        time_s: seconds of the stream.
        clock: text for the corner, such as "0:12" or a UTC time.
        tracks: all that live.
        ground: the class map; None before the first key frame.
        occupancy: of each zone.
        crossed: of each line, how often inwards and outwards.
        active: names of the rules that hold.
        now: names of the lines that were crossed in this frame.
        marked: numbers of tracks to point out.
    """

    time_s: float
    clock: str
    tracks: Sequence[Track]
    ground: Ground | None
    occupancy: Mapping[str, int]
    crossed: Mapping[str, tuple[int, int]]
    active: Sequence[str] = ()
    now: Collection[str] = ()
    marked: Collection[int] = ()


@dataclass(slots=True)
class _Label:
    """A text on a box; `at` is the middle of its lower edge, or its left upper corner where `corner` is true."""

    text: str
    at: tuple[float, float]
    color: tuple[int, int, int]
    corner: bool = False


@dataclass(slots=True)
class _Trail:
    spots: deque[tuple[float, tuple[float, float]]] = field(default_factory=deque)


class Painter:
    """Draws frames of one video.

    Args:
        rules: fitted to the frames.
        size_hw: of the frames, pixels.
        blur: node ids; their things, and what lies below these nodes, are blurred.
    """

    def __init__(self, rules: WatchRules, size_hw: tuple[int, int], *, blur: Collection[int] = ()) -> None:
        self._tree, self._rules, self._size_hw = rules.tree, rules, size_hw
        hidden = np.zeros(len(self._tree) + 1, dtype=bool)
        for node in blur:
            hidden[[node, *self._tree.descendants(node)]] = True
        self._hidden = hidden
        self._trails: dict[int, _Trail] = {}
        self._flashes: dict[str, float] = {}

    def draw(self, picture: np.ndarray, moment: Overlay) -> np.ndarray:
        """Draw everything over a frame.

        Args:
            picture: (H, W, 3) uint8 RGB.
            moment: what to draw.

        Returns:
            (H, W, 3) uint8 RGB.
        """
        image = self.blurred(picture, moment.tracks)
        labels: list[_Label] = []
        self._draw_ground(image, moment, labels)
        self._draw_zones(image, moment, labels)
        self._draw_tracks(image, moment, labels)
        self._draw_lines(image, moment, labels)
        labels.append(_Label(moment.clock, (8, 8), PAPER, corner=True))
        for place, name in enumerate(moment.active, start=1):
            labels.append(_Label(name, (8, 8 + place * 1.6 * self._letters), TAKEN, corner=True))
        return self._write(image, labels)

    def blurred(self, picture: np.ndarray, tracks: Sequence[Track]) -> np.ndarray:
        """A copy of a frame with the things of the classes to hide blurred by their masks.

        Each mask is grown by a cell. A track that is hidden now is blurred where it was last.

        Args:
            picture: (H, W, 3) uint8 RGB.
            tracks: all that live.
        """
        image = picture.copy()
        for track in tracks:
            if not self._hidden[track.node] or not track.mask.cells.size:
                continue
            grown = replace(
                track.mask,
                cells=cv2.dilate(np.pad(track.mask.cells, 1).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0,
                top_left=(track.mask.top_left[0] - 1, track.mask.top_left[1] - 1),
            )
            rows, columns, patch = on_picture(grown, picture.shape[:2])
            side = max(BLUR_LEAST, round(BLUR_SHARE * track.mask.height))
            around = (
                slice(max(rows.start - side, 0), rows.stop + side),
                slice(max(columns.start - side, 0), columns.stop + side),
            )
            veiled = cv2.blur(cv2.blur(picture[around], (side, side)), (side, side))
            corner = rows.start - around[0].start, columns.start - around[1].start
            veiled = veiled[corner[0] : corner[0] + patch.shape[0], corner[1] : corner[1] + patch.shape[1]]
            image[rows, columns][patch] = veiled[patch]
        return image

    # -- layers ---------------------------------------------------------------------------------------

    def _draw_ground(self, image: np.ndarray, moment: Overlay, labels: list[_Label]) -> None:
        """Tint the zones that are stuff."""
        if moment.ground is None:
            return
        for zone, color in self._colored_zones:
            if zone.stuff is None:
                continue
            nodes = [zone.stuff, *self._tree.descendants(zone.stuff)]
            mask = Mask.of(np.isin(moment.ground.classes, nodes), moment.ground.cell)
            if not mask.cells.size:
                continue
            rows, columns, patch = on_picture(mask, image.shape[:2])
            _blend(image[rows, columns], patch, color, TINT)
            deep = cv2.distanceTransform(patch.astype(np.uint8), cv2.DIST_L2, 3)
            row, column = np.unravel_index(int(deep.argmax()), deep.shape)
            labels.append(_Label(_zone_text(zone, moment), (columns.start + column, rows.start + row), color))

    def _draw_zones(self, image: np.ndarray, moment: Overlay, labels: list[_Label]) -> None:
        for zone, usual in self._colored_zones:
            if zone.polygon is None:
                continue
            place, taken = zone.point == "overlap", moment.occupancy.get(zone.name, 0) > 0
            color = (TAKEN if taken else FREE) if place else usual
            corners = np.rint(zone.polygon).astype(np.int32)
            inside = cv2.fillPoly(np.zeros(image.shape[:2], dtype=np.uint8), [corners], 1)
            _blend(image, inside > 0, color, 2 * FLOOR if place else FLOOR)
            cv2.polylines(image, [corners], isClosed=True, color=color, thickness=self._wide, lineType=cv2.LINE_AA)
            left, top = zone.polygon[np.argmin(zone.polygon.sum(axis=1))]
            labels.append(_Label(_zone_text(zone, moment), (float(left) + 3, float(top) + 3), color, corner=True))

    def _draw_tracks(self, image: np.ndarray, moment: Overlay, labels: list[_Label]) -> None:
        for track in moment.tracks:
            if not track.mask.cells.size:
                continue
            rows, columns, patch = on_picture(track.mask, image.shape[:2])
            shown = track.sure and track.seen
            color = tuple(object_colors(np.array([track.number]))[0].tolist()) if track.sure else GREY
            part = image[rows, columns]
            if shown:
                _blend(part, patch, color, INSIDE)
            outlines, _ = cv2.findContours(patch.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            wide = self._wide * (2 if track.number in moment.marked else 1)
            offset = (columns.start, rows.start)
            cv2.drawContours(image, outlines, -1, color, wide if shown else 1, cv2.LINE_AA, offset=offset)
            self._draw_trail(image, track.number, color)
            if track.sure:
                name = f"{self._tree[track.node].name} {track.number}"
                middle = (columns.start + columns.stop) / 2
                labels.append(_Label(name if track.seen else f"({name})", (middle, float(rows.start) - 2), color))

    def follow(self, moment: Overlay) -> None:
        """Keep where feet were in the last `TRAIL_SECONDS`, and which lines were crossed; call it for each frame."""
        self._flashes |= dict.fromkeys(moment.now, moment.time_s)
        trails = {track.number: self._trails.get(track.number) or _Trail() for track in moment.tracks if track.sure}
        for track in moment.tracks:
            if track.sure and track.seen:
                foot_y, foot_x = track.foot_yx
                spots = trails[track.number].spots
                spots.append((moment.time_s, (foot_x, foot_y)))
                while moment.time_s - spots[0][0] > TRAIL_SECONDS:
                    spots.popleft()
        self._trails = trails

    def _draw_trail(self, image: np.ndarray, number: int, color: tuple[int, ...]) -> None:
        spots = [spot for _, spot in self._trails[number].spots] if number in self._trails else []
        if len(spots) > 1:
            cv2.polylines(image, [np.rint(spots).astype(np.int32)], False, color, self._wide, cv2.LINE_AA)
        if spots:
            middle = (round(spots[-1][0]), round(spots[-1][1]))
            cv2.circle(image, middle, self._wide + 2, BRIGHT, -1, cv2.LINE_AA)
            cv2.circle(image, middle, self._wide + 1, color, -1, cv2.LINE_AA)

    def _draw_lines(self, image: np.ndarray, moment: Overlay, labels: list[_Label]) -> None:
        for line in self._rules.lines:
            flashed = moment.time_s - self._flashes.get(line.name, -np.inf) <= FLASH_SECONDS
            color = BRIGHT if flashed else LINE
            start, end = np.asarray(line.start_xy, dtype=float), np.asarray(line.end_xy, dtype=float)
            wide = self._wide * (3 if flashed else 2)
            cv2.line(image, _whole(start), _whole(end), PAPER, wide + 2, cv2.LINE_AA)
            cv2.line(image, _whole(start), _whole(end), color, wide, cv2.LINE_AA)
            middle, tip = (start + end) / 2, (start + end) / 2 + inwards(line) * 2.2 * self._letters
            cv2.arrowedLine(image, _whole(middle), _whole(tip), PAPER, wide + 2, cv2.LINE_AA, tipLength=0.4)
            cv2.arrowedLine(image, _whole(middle), _whole(tip), color, wide, cv2.LINE_AA, tipLength=0.4)
            ins, outs = moment.crossed.get(line.name, (0, 0))
            at = end if end[0] >= start[0] else start  # its right end
            labels.append(_Label(f"{line.name}: {ins} in, {outs} out", (float(at[0]), float(at[1]) - 4), LINE))

    def _write(self, image: np.ndarray, labels: Sequence[_Label]) -> np.ndarray:
        """Write texts on boxes of their colour, each inside of the picture."""
        font, (height, width) = font_of(self._letters), image.shape[:2]
        canvas = Image.fromarray(image)
        draw = ImageDraw.Draw(canvas)
        for label in labels:
            size_xy = (font.getlength(label.text) + 6, 1.3 * self._letters)
            x, y = label.at if label.corner else (label.at[0] - size_xy[0] / 2, label.at[1] - size_xy[1])
            x, y = min(max(x, 0.0), max(width - size_xy[0], 0.0)), min(max(y, 0.0), max(height - size_xy[1], 0.0))
            draw.rounded_rectangle((x, y, x + size_xy[0], y + size_xy[1]), radius=3, fill=label.color)
            dark = sum(share * part for share, part in zip((0.3, 0.59, 0.11), label.color, strict=True)) < 140
            middle = (x + 3, y + size_xy[1] / 2)
            draw.text(middle, label.text, fill=TEXT if dark else PAPER, font=font, anchor="lm")
        return np.asarray(canvas)

    # -- sizes ----------------------------------------------------------------------------------------

    @cached_property
    def _letters(self) -> int:
        """Size of letters, pixels."""
        return int(np.clip(self._size_hw[0] // 32, 10, 32))

    @cached_property
    def _wide(self) -> int:
        """Width of thin lines, pixels."""
        return max(1, round(self._size_hw[0] / 400))

    @cached_property
    def _colored_zones(self) -> list[tuple[Zone, tuple[int, int, int]]]:
        return [(zone, ZONES[place % len(ZONES)]) for place, zone in enumerate(self._rules.zones)]


def inwards(line: Line) -> np.ndarray:
    """(2,) order (x, y), length 1: from a line to its inner side; right and left are seen along from start to end."""
    along = np.asarray(line.end_xy, dtype=float) - np.asarray(line.start_xy, dtype=float)
    right = np.array([-along[1], along[0]]) / np.hypot(*along)  # y points down
    return right if line.in_side == "right" else -right


def _zone_text(zone: Zone, moment: Overlay) -> str:
    number = moment.occupancy.get(zone.name, 0)
    if zone.point == "overlap" and zone.polygon is not None:
        return zone.name
    return f"{zone.name}: {number}"


def _blend(part: np.ndarray, where: np.ndarray, color: Sequence[int], opacity: float) -> None:
    """Blend a colour into the pixels (N) of a part of a picture, in place."""
    pixels = part[where].astype(np.float32)
    part[where] = np.rint(pixels + (np.asarray(color, dtype=np.float32) - pixels) * np.float32(opacity))


def _whole(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def on_picture(mask: Mask, size_hw: tuple[int, ...]) -> tuple[slice, slice, np.ndarray]:
    """A mask in pixels, with smooth borders.

    Args:
        mask: with at least one cell.
        size_hw: of the picture, pixels; what lies outside is cut off.

    Returns:
        Rows, columns, and a bool array of that size.
    """
    cells = np.pad(mask.cells, 1).astype(np.float32)  # a cell of nothing around it, for the borders
    height, width = (side * mask.cell for side in cells.shape)
    y0, x0 = ((first - 1) * mask.cell for first in mask.top_left)
    smooth = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5
    rows = slice(min(max(y0, 0), size_hw[0]), min(max(y0 + height, 0), size_hw[0]))
    columns = slice(min(max(x0, 0), size_hw[1]), min(max(x0 + width, 0), size_hw[1]))
    return rows, columns, smooth[rows.start - y0 : rows.stop - y0, columns.start - x0 : columns.stop - x0]
