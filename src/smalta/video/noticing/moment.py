"""One moment as the rules see it: the tracks that are seen, and the ground below them.

In:  tracks, what is remembered of them, the class map.
Out: `Moment`: what stands on what; each question is answered once.

Must not know: zones, rules, events.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smalta.classes import ClassTree
from smalta.errors import ShapeError
from smalta.video.noticing.followed import Followed
from smalta.video.values import FOOT_SHARE, Ground, Track
from smalta.video.zones import stuff_cells, thing_cells, touches

HIDDEN_CELLS = 2  # by which the lower edge of a mask may be wrong


class Moment:
    """What is known in one frame.

    Args:
        tree: the classes.
        time_s: seconds of the stream.
        seen: tracks that are seen, with what is remembered of them, by number.
        ground: the class map; None if it is not known in this frame.

    Attributes:
        time_s, seen: as given.

    Raises:
        ShapeError: if the class map has other cells than the tracks.
    """

    def __init__(
        self, tree: ClassTree, time_s: float, seen: Sequence[tuple[Followed, Track]], ground: Ground | None
    ) -> None:
        self.time_s, self.seen = time_s, seen
        self._tree, self._ground = tree, ground
        self._stuff: dict[int, np.ndarray] = {}
        self._things: np.ndarray | None = None
        self._on: dict[tuple[int, int], bool] = {}
        for _, track in seen:
            if ground is not None and track.mask.cell != ground.cell:
                raise ShapeError(
                    f"tracks must have cells of {ground.cell} px as the class map has, got {track.mask.cell} px"
                )

    def on(self, track: Track, stuff: int) -> bool | None:
        """Whether a track stands on stuff (`zones.touches`); None if its foot is hidden or the ground is not known.

        Args:
            track: that is seen.
            stuff: node id, with all below it.
        """
        if self._ground is None or _foot_is_hidden(track):
            return None
        key = track.number, stuff
        if key not in self._on:
            if stuff not in self._stuff:
                self._stuff[stuff] = stuff_cells(self._ground, self._tree, stuff)
            if self._things is None:
                self._things = thing_cells(self._ground, self._tree)
                for _, other in self.seen:  # the ground of a model with objects is stuff, also below them
                    self._things |= other.mask.on(self._things.shape)
            self._on[key] = touches(track.mask, self._stuff[stuff], self._things)
        return self._on[key]


def _foot_is_hidden(track: Track) -> bool:
    """Whether the object reaches further down than its visible part, by more than a foot."""
    top, bottom = track.mask.top_left[0] * track.mask.cell, track.mask.box_xyxy[3]
    foot = track.foot_yx[0]
    return foot - bottom > max(HIDDEN_CELLS * track.mask.cell, FOOT_SHARE * (foot - top))


def with_below(tree: ClassTree, node: int) -> frozenset[int]:
    """Ids of a node and of all below it; of all nodes for the root."""
    return frozenset((node, *tree.descendants(node)))
