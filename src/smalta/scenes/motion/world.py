"""A clip before it is drawn: who moves where, what stands still, and the truth.

In:  nothing; the modules of the kinds of clips make these values.
Out: `Actor`, `Vehicle`, `World`.

Must not know: kinds of clips, how pictures are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smalta.scenes.canvas import Camera
from smalta.scenes.light import Light
from smalta.scenes.motion.bodies import Body, draw_body
from smalta.scenes.motion.paths import Motion
from smalta.scenes.motion.values import ClipTruth
from smalta.scenes.solids import Model
from smalta.scenes.stage import Stage

PERSON_HALF = 0.22  # metres to each side on the ground


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Actor:
    """A person or a vehicle.

    Attributes:
        number: its id, from 1.
        node: path of its class.
        look: what it looks like.
        motion: where it is, from the beginning of the clip.
    """

    number: int
    node: str
    look: Body | Model
    motion: Motion

    @property
    def half_width(self) -> float:
        """Metres to each side on the ground."""
        return PERSON_HALF if isinstance(self.look, Body) else self.look.half_width

    @property
    def ends(self) -> tuple[float, float]:
        """Metres to the rear (negative) and to the front on the ground."""
        return (-PERSON_HALF, PERSON_HALF) if isinstance(self.look, Body) else self.look.ends


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vehicle:
    """One vehicle and its motion from before the clip.

    Attributes:
        node: path of its class.
        model: what it looks like.
        motion: where it is, from before the clip.
    """

    node: str
    model: Model
    motion: Motion

    @property
    def length(self) -> float:
        """Metres."""
        return self.model.ends[1] - self.model.ends[0]


def actors_of(people: Sequence[Motion], vehicles: Sequence[Vehicle], looks: np.random.Generator) -> tuple[Actor, ...]:
    """All who are there during the clip, people first.

    Args:
        people: motions from before the clip.
        vehicles: with theirs.
        looks: draws what the people look like.
    """
    actors: list[Actor] = []
    for person in people:
        if (motion := person.cut()).here.sum() > 2:
            actors.append(Actor(number=len(actors) + 1, node="person", look=draw_body(looks), motion=motion))
    for vehicle in vehicles:
        if (motion := vehicle.motion.cut()).here.sum() > 2:
            actors.append(Actor(number=len(actors) + 1, node=vehicle.node, look=vehicle.model, motion=motion))
    return tuple(actors)


def aim(eye: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Yaw and pitch, as `Camera.look` takes them, of a camera that looks from a place to another; both (3,) metres."""
    ahead = target - eye
    return float(np.arctan2(ahead[0], ahead[2])), float(np.arctan2(-ahead[1], np.hypot(ahead[0], ahead[2])))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """A clip before it is drawn.

    Attributes:
        camera: of the picture's size.
        light: of the whole clip.
        actors: all who move, in the order of their ids.
        truth: what happens.
        rules: content of the rules file that fits the camera.
        stage: all that stands still, for a camera that sees a little more than `camera`.
        flicker: strength of the changes of light, 0..1.
    """

    camera: Camera
    light: Light
    actors: tuple[Actor, ...]
    truth: ClipTruth
    rules: dict[str, Any]
    stage: Callable[[Camera], Stage]
    flicker: float


def near_edge(motion: Motion, half_width: float, ends: tuple[float, float], eye_xz: np.ndarray) -> np.ndarray:
    """(T, 2) metres: the middle of the two corners of a vehicle on the ground that are nearest to the camera."""
    ahead = np.stack([np.sin(motion.yaw), np.cos(motion.yaw)], axis=1)
    right = np.stack([ahead[:, 1], -ahead[:, 0]], axis=1)
    signs = [(side * half_width, end) for side in (-1, 1) for end in ends]
    corners = np.stack([motion.place_xz + side * right + end * ahead for side, end in signs], axis=1)
    away = np.hypot(*(corners - eye_xz).transpose(2, 0, 1))
    two = np.argsort(away, axis=1, kind="stable")[:, :2]
    return np.asarray(np.take_along_axis(corners, two[..., None], axis=1).mean(axis=1))
