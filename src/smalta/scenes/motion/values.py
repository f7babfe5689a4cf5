"""What is known exactly about a generated clip.

In:  nothing; `smalta.scenes.motion` makes these values.
Out: `TrueFrame`, `ClipTruth`, `TrueCrossing`, `TrueContact`.

numpy only. Must not know: how clips are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np


class TrueCrossing(NamedTuple):
    """A person crosses a line and goes on for at least 0.25 m behind it.

    The time is when the point on the ground below the body crosses. A person who turns within 0.25 m does not cross.
    """

    time_s: float
    number: int
    line: str
    way: Literal["in", "out"]


class TrueContact(NamedTuple):
    """From when to when the condition of an event rule holds; shorter times than the rule's `for` are left out.

    `number` is the id of the person or vehicle, and 0 for a condition about a count.
    """

    start_s: float
    end_s: float
    number: int
    event: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClipTruth:
    """What happens in a clip, by the places on the ground, whether the camera sees it or something is before it.

    Attributes:
        crossings: in the order of time.
        contacts: in the order of time.
        zones: names of the zones of the clip's rules.
        occupancy: (n_frames, zones) int, how many are in each zone.
        places: names of the parking places, which are zones too.
        taken: (n_frames, places) bool, whether the middle of a vehicle is in the place.
    """

    crossings: tuple[TrueCrossing, ...]
    contacts: tuple[TrueContact, ...]
    zones: tuple[str, ...]
    occupancy: np.ndarray
    places: tuple[str, ...]
    taken: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; rows of `occupancy` and `taken` are frames."""
        return {
            "crossings": [crossing._asdict() for crossing in self.crossings],
            "contacts": [contact._asdict() for contact in self.contacts],
            "zones": list(self.zones),
            "occupancy": self.occupancy.tolist(),
            "places": list(self.places),
            "taken": self.taken.astype(int).tolist(),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrueFrame:
    """One frame with its labels.

    Attributes:
        number: from 0.
        time_s: seconds since the first frame.
        picture: (H, W, 3) uint8 RGB.
        classes: (H, W) uint16 node ids; pixels of an instance have its node.
        instances: (H, W) int32; 0 = none, else the id, which an object keeps over the whole clip.
        node_of: node id by id, of all objects that this frame shows.
        attributes: as in `smalta.data.sample.Sample`; these clips have none.
    """

    number: int
    time_s: float
    picture: np.ndarray
    classes: np.ndarray
    instances: np.ndarray
    node_of: Mapping[int, int]
    attributes: Mapping[str, np.ndarray] = field(default_factory=dict)
