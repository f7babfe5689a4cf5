"""People who walk through a picture, as detections on cells: what a network would see, without a network.

In:  a seed.
Out: `Walkers`: the detections and the ground of any frame. Frame k is the same whichever frames were asked for before.

A person in twelve is missed in a frame, and borders shake by a cell. People walk from one edge to the other, some stop
in the middle, some turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from smalta.classes import ClassTree
from smalta.video.values import Detections, Ground

SIZE_HW, CELL = (360, 640), 4
CELLS_HW = (SIZE_HW[0] // CELL, SIZE_HW[1] // CELL)
MISSED = 0.08
LONGEST_S = 30.0  # that a person is in the picture
TREE = ClassTree(
    {
        "floor": {},
        "road": {"children": {"lane": {}, "crossing": {}}},
        "person": {"kind": "thing", "children": {"adult": {}, "child": {}}},
        "bag": {"kind": "thing"},
    }
)
ADULT, CHILD = TREE["adult"].id, TREE["child"].id
RULES: dict[str, Any] = {
    "picture": [SIZE_HW[1], SIZE_HW[0]],
    "zones": {
        "shop": {"polygon": [[320, 0], [640, 0], [640, 360], [320, 360]], "of": "person"},
        "road": {"stuff": "road", "of": "person"},
    },
    "lines": {"door": {"from": [320, 360], "to": [320, 0], "in": "right", "of": "person"}},
    "events": [
        {"name": "queue", "when": "count in shop of person >= 4", "for": "2 s"},
        {"name": "jaywalk", "when": "person on road", "unless": "person on road/crossing", "for": "1 s"},
        {"name": "loiter", "when": "person stays in shop > 10 s"},
    ],
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Walkers:
    """Everybody who comes.

    Attributes:
        seed: of all that is random.
        starts: (N,) seconds at which they come, rising.
        places: (N, 5) row of the feet, columns a second, height, seconds of a stop in the middle, and whether they turn
            there; lengths in cells.
        adults: (N,) bool.
    """

    seed: int
    starts: np.ndarray
    places: np.ndarray
    adults: np.ndarray

    @classmethod
    def made(cls, seed: int, *, people: int, seconds: float) -> Walkers:
        """People who come at random moments of some seconds."""
        draw = np.random.default_rng(seed)
        places = np.stack(
            [
                draw.uniform(35, 88, people),
                draw.choice([-1, 1], people) * draw.uniform(12, 30, people),
                draw.uniform(14, 30, people),
                np.where(draw.random(people) < 0.2, draw.uniform(1, 15, people), 0),
                draw.random(people) < 0.15,
            ],
            axis=1,
        )
        adults = draw.random(people) < 0.7
        return cls(seed=seed, starts=np.sort(draw.uniform(0, seconds, people)), places=places, adults=adults)

    def frame(self, number: int, time_s: float) -> tuple[Detections, Ground]:
        """What is seen in a frame."""
        draw = np.random.default_rng((self.seed, number))
        instances = np.zeros(CELLS_HW, dtype=np.int32)
        first, last = np.searchsorted(self.starts, [time_s - LONGEST_S, time_s])
        nodes: list[bool] = []
        order = first + np.argsort(self.places[first:last, 0], kind="stable")  # who stands lower is in front
        for one in order.tolist():
            row, column, height = self._place(one, time_s - self.starts[one])
            width = height / 2.5
            shake = draw.normal(0, 0.4, 2)
            left, right = round(column - width / 2 + shake[0]), round(column + width / 2 + shake[1])
            left, right, top, bottom = max(left, 0), min(right, CELLS_HW[1]), round(row - height), round(row)
            if right - left < 2 or draw.random() < MISSED:
                continue
            nodes.append(bool(self.adults[one]))
            instances[top:bottom, left:right] = len(nodes)
        return self._detections(instances, nodes, draw), _GROUND

    def _place(self, one: int, age: float) -> tuple[float, float, float]:
        row, speed, height, stop, turns = self.places[one].tolist()
        half = CELLS_HW[1] / 2 / abs(speed)
        walked = min(age, half) + max(age - half - stop, 0.0) * (-1 if turns else 1)
        begin = -4.0 if speed > 0 else CELLS_HW[1] + 4.0
        return row, begin + walked * speed, height

    def _detections(self, instances: np.ndarray, nodes: list[bool], draw: np.random.Generator) -> Detections:
        visible = np.unique(instances)
        visible = visible[visible > 0]
        table = np.zeros(len(nodes) + 1, dtype=np.int32)
        table[visible] = np.arange(1, len(visible) + 1)
        leaves = np.full((len(visible), TREE.n_leaves), 0.02, dtype=np.float32)
        for row, one in enumerate(visible.tolist()):
            sure = draw.uniform(0.5, 0.9)
            leaves[row, TREE.leaves.index(ADULT if nodes[one - 1] else CHILD)] = sure
            leaves[row, TREE.leaves.index(CHILD if nodes[one - 1] else ADULT)] = 0.95 - sure
        leaves /= leaves.sum(axis=1, keepdims=True)
        return Detections(
            instances=table[instances],
            cell=CELL,
            size_hw=SIZE_HW,
            probabilities=leaves,
            scores=np.full(len(visible), 0.8, dtype=np.float32),
        )


def _ground() -> Ground:
    classes = np.full(CELLS_HW, TREE["floor"].id, dtype=np.uint16)
    classes[:, 20:60] = TREE["lane"].id
    classes[70:, 20:60] = TREE["crossing"].id
    return Ground(classes=classes, cell=CELL)


_GROUND = _ground()
