"""Clips: their kinds and classes, and a clip whose frames are drawn when they are asked for.

In:  a kind, a seed, a length, a frame rate, a picture size.
Out: `Clip`.

Must not know: files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.scenes.motion.entrance import build_entrance, entrance_tree
from smalta.scenes.motion.film import Film
from smalta.scenes.motion.parking import build_parking, parking_tree
from smalta.scenes.motion.street import build_street, street_tree
from smalta.scenes.motion.values import ClipTruth, TrueFrame
from smalta.scenes.motion.world import World

MotionKind = Literal["entrance", "parking", "street"]
KINDS: tuple[MotionKind, ...] = get_args(MotionKind)
_TREES = {"entrance": entrance_tree, "parking": parking_tree, "street": street_tree}
_BUILDERS = {"entrance": build_entrance, "parking": build_parking, "street": build_street}


def motion_tree(kind: MotionKind) -> ClassTree:
    """The classes of a kind of clip.

    Raises:
        ConfigError: if there is no such kind.
    """
    _check_kind(kind)
    return _TREES[kind]()


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """A clip; no frame is drawn before it is asked for.

    Attributes:
        kind: of `KINDS`.
        seed: the same seed gives the same clip.
        fps: frames a second; frame k is at k / fps seconds.
        size_hw: picture size in pixels.
        tree: the classes of its frames.
        n_frames: number of frames.
        world: who moves where.
    """

    kind: MotionKind
    seed: int
    fps: float
    size_hw: tuple[int, int]
    tree: ClassTree
    n_frames: int
    world: World

    @property
    def truth(self) -> ClipTruth:
        """What happens; asking for it draws nothing."""
        return self.world.truth

    @property
    def rules(self) -> dict[str, Any]:
        """Content of the rules file whose lines, zones and events the truth speaks of."""
        return self.world.rules

    @cached_property
    def film(self) -> Film:
        """The part that draws; it is made at the first frame."""
        return Film(self.world, self.tree, seed=self.seed, fps=self.fps, n_frames=self.n_frames)

    def frame(self, number: int) -> TrueFrame:
        """One frame; the order of asking does not matter.

        Raises:
            ConfigError: if the clip has no such frame.
        """
        if not 0 <= number < self.n_frames:
            raise ConfigError(f"frame must be in 0..{self.n_frames - 1}, got {number}")
        return self.film.frame(number)

    def frames(self) -> Iterator[TrueFrame]:
        """All frames in order."""
        return (self.frame(number) for number in range(self.n_frames))


def generate_clip(
    kind: MotionKind,
    seed: int,
    *,
    seconds: float = 20.0,
    fps: float = 25.0,
    size_hw: tuple[int, int] = (360, 640),
) -> Clip:
    """A clip with exact truth.

    Args:
        kind: "entrance" (people at a shop's door), "parking" (cars that take and leave places) or "street" (people and
            vehicles on the road, on the crossing and on the oncoming lane).
        seed: any number >= 0; the same seed gives the same clip.
        seconds: length, at most 120. People and vehicles are more in a longer clip.
        fps: frames a second. The same things happen at the same times at any rate.
        size_hw: picture size in pixels, at least 32 by 32.

    Returns:
        The clip; its frames are drawn when they are asked for.

    Raises:
        ConfigError: if an argument is outside its range.

    Example:
        >>> clip = generate_clip("entrance", 3, seconds=2)
        >>> clip.n_frames, clip.truth.occupancy.shape
        (50, (50, 1))
    """
    _check_kind(kind)
    if seed < 0:
        raise ConfigError(f"seed must be 0 or more, got {seed}")
    if min(size_hw) < 32:
        raise ConfigError(f"size_hw must be at least 32 by 32 pixels, got {size_hw}")
    if not 0 < seconds <= 120:
        raise ConfigError(f"seconds must be above 0 and at most 120, got {seconds}")
    if not 0 < fps <= 240:
        raise ConfigError(f"fps must be above 0 and at most 240, got {fps}")
    n_frames = max(1, round(seconds * fps))
    world = _BUILDERS[kind](seed, seconds, np.arange(n_frames) / fps, size_hw)
    return Clip(kind=kind, seed=seed, fps=fps, size_hw=size_hw, tree=motion_tree(kind), n_frames=n_frames, world=world)


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ConfigError(f"kind of clip must be one of {', '.join(KINDS)}, got {kind!r}")
