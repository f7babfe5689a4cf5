"""Objects followed from frame to frame, each with a number of its own.

In:  the detections of key frames, motion by flow between frames, seconds of the stream.
Out: `Track`s; those that ended.

numpy and SciPy. Must not know: networks, files, rules, what is counted.

What is kept belongs to the objects that live. So a day of video needs no more memory than a minute. The answer depends
on the frames alone: no clock, no random numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smalta.classes import ClassTree
from smalta.errors import ShapeError
from smalta.video.following.association import NEVER, Overlaps, assign, missing_costs, new_costs, pair_costs
from smalta.video.following.known import Known, inside, whole_of
from smalta.video.following.measuring import BOTTOM, LEFT, RIGHT, TOP, Measured, measure
from smalta.video.following.placing import located
from smalta.video.following.repair import Repaired, repair
from smalta.video.following.tracker_settings import USUAL, TrackerSettings
from smalta.video.following.votes import Electorate, Votes
from smalta.video.values import Detections, Mask, Track

__all__ = ["USUAL", "Step", "Tracker", "TrackerSettings"]

MOSTLY_HIDDEN = 0.5  # of a moved mask on detections of others: flow follows those
MOSTLY_OUTSIDE = 0.7  # of an object's box: it is leaving
WHOLE = 0.5  # share of an object's box that the mask of a whole object fills


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """All that is followed at one moment.

    Attributes:
        tracks: those that live, by number; the sure and the not yet sure, the seen and the hidden.
        ended: those that are given up now, by number; `sure` says whether they ever counted.
    """

    tracks: tuple[Track, ...]
    ended: tuple[Track, ...]


class Tracker:
    """Follows objects.

    Args:
        tree: the classes.
        size_hw: of the pictures, pixels.
        cell: side of a cell, pixels.
        settings: when two detections are one object.

    Example:
        >>> tracker = Tracker(ClassTree({"floor": {}, "person": {"kind": "thing"}}), size_hw=(40, 80), cell=4)
        >>> for column in (5, 6, 7):
        ...     instances = np.zeros((10, 20), np.int32)
        ...     instances[2:8, column : column + 3] = 1
        ...     leaves, scores = np.array([[0.1, 0.9]], np.float32), np.array([0.8], np.float32)
        ...     found = Detections(
        ...         instances=instances, cell=4, size_hw=(40, 80), probabilities=leaves, scores=scores
        ...     )
        ...     (track,) = tracker.detected(column / 5, found, None).tracks
        >>> track.number, track.sure, track.mask.box_xyxy, track.velocity_yx[1] > 10
        (1, True, (28, 8, 40, 32), True)
    """

    def __init__(
        self, tree: ClassTree, *, size_hw: tuple[int, int], cell: int, settings: TrackerSettings = USUAL
    ) -> None:
        self._tree, self._size_hw, self._cell, self._settings = tree, size_hw, cell, settings
        self._cells_hw = (-(-size_hw[0] // cell), -(-size_hw[1] // cell))
        self._electorate = Electorate(tree, settings.decoding)
        self._known: list[Known] = []
        self._next = 1
        self._time_s: float | None = None

    def detected(self, time_s: float, found: Detections, flow: np.ndarray | None) -> Step:
        """Go on to a key frame.

        Args:
            time_s: seconds of the stream, above those of the frame before.
            found: the detections of this frame.
            flow: (h, w, 2) float32 pixels, the motion since the frame before, from `Flow.step`; None if it is not
                known.

        Raises:
            ShapeError: if the detections have other cells than the tracker.
        """
        if found.instances.shape != self._cells_hw or found.cell != self._cell:
            raise ShapeError(
                f"detections must have {self._cells_hw} cells of {self._cell} px as the tracker has, "
                f"got {found.instances.shape} of {found.cell} px"
            )
        lost = self._go_on(time_s, flow)
        for one in self._known:
            one.frames += 1
        votes = [self._votes(found, row) for row in range(len(found))]
        measured = measure(found.instances, len(found), self._cell)
        pairs, overlaps, gone = self._pairs(time_s, found, measured)
        repaired = repair(self._known, pairs, found.instances, measured, time_s, self._settings, self._cell)
        if repaired.split or repaired.merged:
            measured = measure(repaired.instances, repaired.n, self._cell)
        self._continue(time_s, dict(pairs), repaired, measured, found, votes)
        self._miss(time_s, {row for row, _ in repaired.pairs} | gone, overlaps, flow)
        fresh = self._begin(time_s, repaired, measured, found, votes)
        dissolved = [self._known[row] for row in sorted(gone)]
        self._known = [one for row, one in enumerate(self._known) if row not in gone]
        past = self._give_up(time_s)
        self._known += fresh
        changed = [one for one in self._known if one.last_s == time_s]
        for one, node in zip(changed, self._electorate.nodes([one.votes for one in changed]), strict=True):
            one.node = node
        return self._step([*lost, *dissolved, *past])

    def carried(self, time_s: float, flow: np.ndarray | None) -> Step:
        """Go on to a frame without detections; `time_s` and `flow` as for `detected`."""
        return self._step(self._go_on(time_s, flow))

    def state(self) -> dict[str, Any]:
        """Plain data, from which `restored` makes a tracker that goes on in the same way."""
        return {"time_s": self._time_s, "next": self._next, "tracks": [one.state() for one in self._known]}

    @classmethod
    def restored(
        cls,
        tree: ClassTree,
        state: Mapping[str, Any],
        *,
        size_hw: tuple[int, int],
        cell: int,
        settings: TrackerSettings = USUAL,
    ) -> Tracker:
        """The tracker whose `state` this was; the other arguments as they were then."""
        tracker = cls(tree, size_hw=size_hw, cell=cell, settings=settings)
        tracker._known = [Known.restored(one) for one in state["tracks"]]
        tracker._next, tracker._time_s = state["next"], state["time_s"]
        return tracker

    # -- the parts of a step ----------------------------------------------------------------------

    def _go_on(self, time_s: float, flow: np.ndarray | None) -> list[Known]:
        """Move all objects to this frame; after a long gap none of them is the same, and all end."""
        seconds = 0.0 if self._time_s is None else max(time_s - self._time_s, 0.0)
        self._time_s = time_s
        if seconds > self._settings.hidden_s:
            lost, self._known = self._known, []
            return lost
        for one in self._known:
            one.go_on(seconds, flow, self._settings)
        return []

    def _pairs(
        self, time_s: float, found: Detections, measured: Measured
    ) -> tuple[list[tuple[int, int]], Overlaps, set[int]]:
        """Rows of known objects and of detections; the overlaps; rows that turned out to be an older object."""
        known, settings = self._known, self._settings
        overlaps = Overlaps.of(known, found.instances, len(found))
        leaves = np.array([one.votes.leaves for one in known]).reshape(len(known), self._tree.n_leaves)
        traits = self._electorate.traits(leaves), self._electorate.traits(found.probabilities.astype(np.float64))
        costs = pair_costs(known, measured, overlaps, traits, settings, self._cell)
        costs += np.array([self._vanished(one, time_s) for one in known])[:, None]
        missing, new = missing_costs(known, overlaps, settings), new_costs(measured, settings)
        lost = np.array([one.sure and self._is_lost(one, time_s) for one in known], dtype=bool)
        pairs = dict(assign(costs + settings.return_cost * lost[:, None], missing, new))
        young = [row for row in pairs if not known[row].sure and self._grows_sure(known[row], time_s)]
        hidden = [row for row, one in enumerate(known) if one.sure and one.missed and row not in pairs]
        columns = [pairs[row] for row in young]
        again = costs[np.ix_(hidden, columns)]
        later = [[known[row].first_s > known[old].last_s for row in young] for old in hidden]
        again = np.where(np.array(later, dtype=bool).reshape(again.shape), again, NEVER)
        gone = set()
        for old, fresh in assign(again, missing[hidden], new[columns]):
            row = young[fresh]
            pairs[hidden[old]] = pairs.pop(row)
            known[hidden[old]].join(known[row])
            gone.add(row)
        return sorted(pairs.items()), overlaps, gone

    def _vanished(self, one: Known, time_s: float) -> float:
        """What it costs to believe that an object is back which nothing hid."""
        return self._settings.vanished_cost * (1 - one.covered) * (time_s - one.last_s) if one.missed > 1 else 0.0

    def _is_lost(self, one: Known, time_s: float) -> bool:
        return one.missed > 1 and time_s - one.last_s > self._settings.lost_s

    def _grows_sure(self, one: Known, time_s: float) -> bool:
        return one.would_be_sure(time_s, one.detections + 1, self._settings)

    def _continue(
        self,
        time_s: float,
        pairs: Mapping[int, int],
        repaired: Repaired,
        measured: Measured,
        found: Detections,
        votes: Sequence[Votes],
    ) -> None:
        """Continue the objects that were found; `pairs` says which detection of the frame is whose own one."""
        settings = self._settings
        whole = whole_of([self._known[row] for row, _ in repaired.pairs])
        places = located(measured.of([place for _, place in repaired.pairs]), whole, settings, self._cell)
        for of, (row, place) in enumerate(repaired.pairs):
            one, merged = self._known[row], row in repaired.merged
            one.detected(time_s, self._mask(repaired.instances, measured, place), measured, place, places, of)
            if merged:  # the detection says little about any one of its objects
                one.count(one.votes, one.scores / one.detections, 0.0, settings)
            else:
                score = float(found.scores[pairs[row]])
                one.count(votes[pairs[row]], score, score * self._whole(one, measured, place), settings)
            one.split_s = (time_s if one.split_s is None else one.split_s) if row in repaired.split else None
            one.merged_s = (time_s if one.merged_s is None else one.merged_s) if merged else None

    def _miss(self, time_s: float, found: set[int], overlaps: Overlaps, flow: np.ndarray | None) -> None:
        """The others are hidden, or followed by flow for a short time."""
        hidden = overlaps.hidden
        for row, one in enumerate(self._known):
            if row not in found:
                if not one.missed:
                    one.covered = min(float(hidden[row]), 1.0)
                one.missed += 1
                lately = time_s - one.last_s <= self._settings.followed_s
                one.seen = one.seen and flow is not None and lately and bool(hidden[row] < MOSTLY_HIDDEN)

    def _begin(
        self, time_s: float, repaired: Repaired, measured: Measured, found: Detections, votes: Sequence[Votes]
    ) -> list[Known]:
        """New objects: the detections that are left."""
        taken = {place for _, place in repaired.pairs} | repaired.joined
        fresh = []
        for row in range(len(found)):
            if row in taken or not measured.areas[row]:
                continue
            mask, score = self._mask(repaired.instances, measured, row), float(found.scores[row])
            one = Known.begun(self._next, time_s, mask, measured, row, votes[row], self._settings)
            one.count(votes[row], score, score * self._whole(one, measured, row), self._settings)
            fresh.append(one)
            self._next += 1
        return fresh

    def _give_up(self, time_s: float) -> list[Known]:
        """Remove and return the objects that were missed for too long or have left the picture."""
        past = [one for one in self._known if self._is_past(one, time_s)]
        self._known = [one for one in self._known if not self._is_past(one, time_s)]
        return past

    def _is_past(self, one: Known, time_s: float) -> bool:
        if not one.missed:
            return False
        settings, missing_s = self._settings, time_s - one.last_s
        if not inside(one.mask_now, self._cells_hw).cells.size:
            return True
        if not one.sure:
            return missing_s > settings.unsure_s
        leaving = self._outside(one) > MOSTLY_OUTSIDE
        return one.missed > 1 and missing_s > (settings.leaving_s if leaving else settings.hidden_s)

    def _outside(self, one: Known) -> float:
        """Share of the object's box that lies outside the picture."""
        box, (height, width) = one.box, self._size_hw
        rows = min(box[BOTTOM], height) - max(box[TOP], 0)
        columns = min(box[RIGHT], width) - max(box[LEFT], 0)
        return 1 - max(rows, 0) * max(columns, 0) / (one.height * one.width)

    def _step(self, ended: list[Known]) -> Step:
        return Step(
            tracks=tuple(self._track(one) for one in self._known),
            ended=tuple(self._track(one) for one in sorted(ended, key=lambda one: one.number)),
        )

    def _track(self, one: Known) -> Track:
        return one.track(self._cells_hw, one.votes.values(self._tree, one.node))

    def _mask(self, instances: np.ndarray, measured: Measured, row: int) -> Mask:
        top, left, bottom, right = (measured.boxes[row] / self._cell).astype(int).tolist()
        cells = instances[top:bottom, left:right] == row + 1
        return Mask(cells=cells, top_left=(top, left), cell=self._cell)

    def _whole(self, one: Known, measured: Measured, row: int) -> float:
        """How much of the object is visible, 0..1."""
        area = float(measured.areas[row]) * self._cell**2
        return min(1.0, area / (WHOLE * one.height * one.width))

    @staticmethod
    def _votes(found: Detections, row: int) -> Votes:
        return Votes(found.probabilities[row], {name: values[row] for name, values in found.attributes.items()})
