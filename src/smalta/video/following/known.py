"""What a tracker remembers of one object.

In:  its detections, motion by flow, seconds.
Out: its predicted place and mask; the `Track` of one moment.

Must not know: other objects, how detections are assigned.

The object's box is that of the whole object: where something hides a part of it, the box goes on behind that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from smalta.video.flow import motion_of, moved_mask
from smalta.video.following.axis import Axis, Habit
from smalta.video.following.measuring import BOTTOM, LEFT, RIGHT, TOP, Measured
from smalta.video.following.placing import Located, Whole
from smalta.video.following.tracker_settings import TrackerSettings
from smalta.video.following.votes import Votes
from smalta.video.values import Mask, Track

MEMORY_S = 1.5  # seconds over which height and width are averaged
LEAST_FLOW_ERROR = 0.02  # sizes


@dataclass(slots=True, kw_only=True, eq=False)
class Known:
    """One object. Lengths and places are pixels.

    Attributes:
        number: of the track.
        votes: on its class and attributes.
        node: what the votes say.
        mask: the visible part when it was last detected.
        shift_yx: how far it has moved since then.
        y: its lower edge.
        x: the middle between its left and right edge.
        height: of the whole object.
        width: of the whole object.
        heights: how often both its upper and its lower edge were visible.
        widths: how often both its left and its right edge were visible.
        first_s: seconds of the stream when it was first detected.
        last_s: seconds of the stream when it was last detected.
        detections: how often it was detected.
        frames: key frames since it was first detected, that one included.
        missed: key frames since it was last detected.
        covered: share of its place that others hid when it was first missed.
        scores: sum of the confidences.
        sure: whether it counts.
        seen: whether it was detected or followed in this frame.
        cut: whether the picture's edge cut it when it was last detected.
        split_s: seconds of the stream since when it is detected in parts; None if it is not.
        merged_s: seconds of the stream since when it is detected together with another object; None if it is not.
    """

    number: int
    votes: Votes
    node: int
    mask: Mask
    shift_yx: tuple[float, float] = (0.0, 0.0)
    y: Axis
    x: Axis
    height: float
    width: float
    heights: int = 0
    widths: int = 0
    first_s: float
    last_s: float
    detections: int = 0
    frames: int = 1
    missed: int = 0
    covered: float = 0.0
    scores: float = 0.0
    sure: bool = False
    seen: bool = True
    cut: bool = False
    split_s: float | None = None
    merged_s: float | None = None

    @classmethod
    def begun(
        cls,
        number: int,
        time_s: float,
        mask: Mask,
        measured: Measured,
        row: int,
        votes: Votes,
        settings: TrackerSettings,
    ) -> Known:
        """An object whose first detection is object `row` of a frame; the detection has still to be counted."""
        box, own = measured.boxes[row].tolist(), measured.own[row].tolist()
        height, width = box[BOTTOM] - box[TOP], box[RIGHT] - box[LEFT]
        size = math.sqrt(height * width)
        near, far = (settings.place_error * size) ** 2, (settings.hidden_error * size) ** 2
        speed = (settings.speed * size) ** 2
        return cls(
            number=number,
            votes=votes.weighted(0.0),
            node=0,
            mask=mask,
            y=Axis(box[BOTTOM], near if own[BOTTOM] else far, 0.0, speed),
            x=Axis((box[LEFT] + box[RIGHT]) / 2, near if own[LEFT] and own[RIGHT] else far, 0.0, speed),
            height=height,
            width=width,
            heights=int(own[TOP] and own[BOTTOM]),
            widths=int(own[LEFT] and own[RIGHT]),
            first_s=time_s,
            last_s=time_s,
            cut=bool(measured.edge[row]),
        )

    @property
    def size(self) -> float:
        """Pixels."""
        return math.sqrt(self.height * self.width)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Top, left, bottom and right of the whole object, pixels."""
        half = self.width / 2
        return self.y.place - self.height, self.x.place - half, self.y.place, self.x.place + half

    @property
    def mask_now(self) -> Mask:
        """The mask at its predicted place; it may lie outside the picture."""
        return moved_mask(self.mask, self.shift_yx)

    def go_on(self, seconds: float, flow: np.ndarray | None, settings: TrackerSettings) -> None:
        """Go on to this frame: by flow if the object was seen in the frame before, otherwise by its speed."""
        size = self.size
        habit = Habit(speed=settings.speed * size, persistence_s=settings.persistence_s)
        axes = (self.y, self.x)
        places = [axis.place for axis in axes]
        if flow is not None and self.seen and seconds > 0:
            guess = (self.y.speed * seconds, self.x.speed * seconds)
            motion = motion_of(self.mask_now, flow, guess)
            if motion is not None:
                for axis, moved in zip(axes, motion, strict=True):
                    error = math.hypot(LEAST_FLOW_ERROR * size, settings.flow_error * moved)
                    axis.follow(moved, seconds, error, habit)
                self._shift(places)
                return
        for axis in axes:
            axis.predict(seconds, habit)
        self._shift(places)

    def _shift(self, places: list[float]) -> None:
        dy, dx = self.shift_yx
        self.shift_yx = (dy + self.y.place - places[0], dx + self.x.place - places[1])

    def detected(self, time_s: float, mask: Mask, measured: Measured, row: int, places: Located, of: int) -> None:
        """Take over where the object is now.

        Args:
            time_s: seconds of the stream.
            mask: the visible part.
            measured: the detections of the frame; the object is number `row`.
            places: where detections place objects; this object is number `of`.
        """
        box, own = measured.boxes[row].tolist(), measured.own[row].tolist()
        self._measure_sides(box, own, max(time_s - self.last_s, 0.0))
        self.y.measure(float(places.y[of]), float(places.y_error[of]))
        self.x.measure(float(places.x[of]), float(places.x_error[of]))
        self.mask, self.shift_yx = mask, (0.0, 0.0)
        self.cut = bool(measured.edge[row])
        self.last_s, self.missed, self.seen = time_s, 0, True

    def _measure_sides(self, box: list[float], own: list[bool], seconds: float) -> None:
        """Average height and width over the frames in which both sides are the object's own."""
        height, width = box[BOTTOM] - box[TOP], box[RIGHT] - box[LEFT]
        if own[TOP] and own[BOTTOM]:
            self.height += _share(self.heights, seconds) * (height - self.height)
            self.heights += 1
        elif height > self.height:
            self.height = height
        if own[LEFT] and own[RIGHT]:
            self.width += _share(self.widths, seconds) * (width - self.width)
            self.widths += 1
        elif width > self.width:
            self.width = width

    def count(self, votes: Votes, score: float, weight: float, settings: TrackerSettings) -> None:
        """Count a detection: its votes times the weight, and its confidence."""
        self.votes.add(votes, weight)
        self.scores += score
        self.detections += 1
        self.sure = self.sure or self.would_be_sure(self.last_s, self.detections, settings)

    def would_be_sure(self, time_s: float, detections: int, settings: TrackerSettings) -> bool:
        """Whether it counts at a time, with that number of detections."""
        often = detections >= max(settings.sure_detections, settings.sure_share * self.frames)
        return often and time_s - self.first_s >= settings.sure_s

    def join(self, other: Known) -> None:
        """Take over what another track has learned, which turned out to be this object."""
        self.votes.add(other.votes)
        self.scores += other.scores
        self.detections += other.detections

    def track(self, size_hw: tuple[int, int], attributes: Mapping[str, int]) -> Track:
        """What is known of it now.

        Args:
            size_hw: rows and columns of cells of the picture.
            attributes: by name, 1.. = the value that the votes say.
        """
        mask = inside(self.mask_now, size_hw)
        (top, left), (height, width) = mask.top_left, mask.cells.shape
        return Track(
            number=self.number,
            node=self.node,
            attributes=attributes,
            mask=mask,
            foot_yx=(self.y.place, self.x.place),
            velocity_yx=(self.y.speed, self.x.speed),
            first_s=self.first_s,
            last_s=self.last_s,
            sure=self.sure,
            seen=self.seen,
            cut=top <= 0 or left <= 0 or top + height >= size_hw[0] or left + width >= size_hw[1],
            score=self.scores / max(self.detections, 1),
        )

    def state(self) -> dict[str, Any]:
        """Plain data, from which `restored` makes an equal object."""
        plain = {name: getattr(self, name) for name in PLAIN}
        parts = {"votes": self.votes.state(), "mask": self.mask.to_dict(), "shift_yx": list(self.shift_yx)}
        return plain | parts | {"y": self.y.state(), "x": self.x.state()}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Known:
        """The object whose `state` this was."""
        dy, dx = state["shift_yx"]
        return cls(
            votes=Votes.restored(state["votes"]),
            mask=Mask.from_dict(state["mask"]),
            shift_yx=(dy, dx),
            y=Axis.restored(state["y"]),
            x=Axis.restored(state["x"]),
            **{name: state[name] for name in PLAIN},
        )


_PARTS = ("votes", "mask", "shift_yx", "y", "x")
PLAIN = tuple(entry.name for entry in fields(Known) if entry.name not in _PARTS)


def whole_of(known: Sequence[Known], *, as_column: bool = False) -> Whole:
    """What is known of objects, as (K,) arrays, or (K, 1) if they are to be a column."""
    rows = [(one.height, one.width, one.heights > 0, one.widths > 0, one.y.place, one.x.place) for one in known]
    height, width, height_known, width_known, y, x = (
        np.array(rows, dtype=np.float64).reshape(-1, 6).T.reshape((6, -1, 1) if as_column else (6, -1))
    )
    return Whole(height=height, width=width, height_known=height_known > 0, width_known=width_known > 0, y=y, x=x)


def inside(mask: Mask, size_hw: tuple[int, int]) -> Mask:
    """The part of a mask that lies in the picture; its rectangle may hold empty rows and columns at its border."""
    (top, left), (height, width) = mask.top_left, mask.cells.shape
    up, down = max(-top, 0), min(size_hw[0] - top, height)
    west, east = max(-left, 0), min(size_hw[1] - left, width)
    if up == west == 0 and down == height and east == width:
        return mask
    if down <= up or east <= west:
        return Mask(cells=np.zeros((0, 0), dtype=bool), top_left=(0, 0), cell=mask.cell)
    return Mask(cells=mask.cells[up:down, west:east], top_left=(top + up, left + west), cell=mask.cell)


def _share(before: int, seconds: float) -> float:
    """How much a new value counts in an average: of all values at first, of those of `MEMORY_S` later."""
    return max(1 / (before + 1), 1 - math.exp(-seconds / MEMORY_S))
