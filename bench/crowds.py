"""Crowds of people that walk, stop, meet and hide one another: true masks, and masks as a network would find them.

In:  seeds.
Out: frames with true instance maps, and `Detections` with missed, split and shaky masks.

Masks only: no picture is drawn. Must not know: trackers, how they are scored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from smalta.classes import ClassTree
from smalta.video.values import Detections

SIZE_HW, CELL = (360, 640), 4
PEOPLE, SECONDS = 12, 20.0
STEPS_PER_S = 50  # of the simulation; all frame rates take some of them
NEAR, FAR = 345.0, 150.0  # rows where people may stand
HEIGHT = 0.32  # of a person, as a share of the row on which it stands
FORESHORTENED = 0.5  # how fast people come nearer, compared with walking across
TURNING_S = 0.4
MISSED, SPLIT, SHAKE = 0.08, 0.03, 0.6  # shares of the objects; cells
MARGIN = 4  # cells around a mask within which its border shakes
LEAST_CELLS, LEAST_VISIBLE = 6, 0.1  # of an object, or it is no object of this frame
TREE = ClassTree({"floor": {}, "person": {"kind": "thing"}})


@dataclass(slots=True)
class Person:
    """One walker; lengths in pixels, speeds in pixels a second."""

    number: int
    x: float
    y: float
    pace: float  # heights a second
    slim: float
    phase: float
    target: tuple[float, float]
    speed: tuple[float, float] = (0.0, 0.0)
    waits_s: float = 0.0
    leaves: bool = False

    @property
    def height(self) -> float:
        return HEIGHT * self.y

    def walk(self, seconds: float) -> None:
        """One step towards the target, turning smoothly."""
        dx, dy = self.target[0] - self.x, (self.target[1] - self.y) / FORESHORTENED
        away = math.hypot(dx, dy)
        pace = self.pace * self.height if self.waits_s <= 0 else 0.0
        wanted = (pace * dx / max(away, 1.0), FORESHORTENED * pace * dy / max(away, 1.0))
        share = seconds / TURNING_S
        self.speed = tuple(old + share * (new - old) for old, new in zip(self.speed, wanted, strict=True))
        self.x += self.speed[0] * seconds
        self.y += self.speed[1] * seconds
        self.phase += seconds * 1.8 * 2 * math.pi * min(math.hypot(*self.speed) / (0.5 * self.height), 1.0)
        self.waits_s -= seconds

    @property
    def arrived(self) -> bool:
        return math.hypot(self.target[0] - self.x, self.target[1] - self.y) < 0.15 * self.height

    def draw(self, canvas: np.ndarray, value: int) -> None:
        """Head, trunk and two legs."""
        h = self.height
        wide = 0.13 * h * self.slim
        swing = 0.13 * h * math.sin(self.phase)
        hip, neck = self.y - 0.47 * h, self.y - 0.82 * h
        for side in (swing, -swing):
            leg = np.array([[self.x - 0.07 * h, hip], [self.x + 0.07 * h, hip], [self.x + side + 0.05 * h, self.y]])
            leg = np.vstack([leg, [self.x + side - 0.05 * h, self.y]])
            cv2.fillPoly(canvas, [np.rint(leg).astype(np.int32)], value)
        middle = (round(self.x), round((hip + neck) / 2))
        cv2.ellipse(canvas, middle, (round(wide), round((hip - neck) / 2 * 1.15)), 0, 0, 360, value, cv2.FILLED)
        cv2.circle(canvas, (round(self.x), round(self.y - 0.92 * h)), round(0.08 * h), value, cv2.FILLED)


class Crowd:
    """As many walkers at any time; one that leaves makes room for a new one."""

    def __init__(self, seed: int, people: int = PEOPLE) -> None:
        self._random = np.random.default_rng([seed, 16])
        self._next = 1
        self.people = [self._new(inside=True) for _ in range(people)]

    def _new(self, *, inside: bool) -> Person:
        x = self._random.uniform(40, SIZE_HW[1] - 40) if inside else self._random.choice([-30.0, SIZE_HW[1] + 30.0])
        person = Person(
            number=self._next,
            x=float(x),
            y=float(self._random.uniform(FAR, NEAR)),
            pace=float(self._random.uniform(0.45, 0.95)),
            slim=float(self._random.uniform(0.85, 1.25)),
            phase=float(self._random.uniform(0, 6)),
            target=self._place(),
        )
        self._next += 1
        return person

    def _place(self) -> tuple[float, float]:
        return float(self._random.uniform(30, SIZE_HW[1] - 30)), float(self._random.uniform(FAR, NEAR))

    def step(self, seconds: float) -> None:
        for place, person in enumerate(self.people):
            person.walk(seconds)
            if person.leaves and not -40 < person.x < SIZE_HW[1] + 40:
                self.people[place] = self._new(inside=False)
            elif person.arrived and person.waits_s <= 0:
                self._decide(person)

    def _decide(self, person: Person) -> None:
        chance = self._random.random()
        person.waits_s = float(self._random.uniform(0.3, 3.0)) if self._random.random() < 0.4 else 0.0
        person.target = self._place()
        if chance < 0.35:  # go and meet another one
            other = self.people[int(self._random.integers(len(self.people)))]
            side = self._random.choice([-0.4, 0.4]) * other.height
            person.target = (float(np.clip(other.x + side, 30, SIZE_HW[1] - 30)), float(np.clip(other.y, FAR, NEAR)))
        elif chance < 0.5:
            person.leaves = True
            person.target = (float(self._random.choice([-60.0, SIZE_HW[1] + 60.0])), person.y)


@dataclass(frozen=True, slots=True)
class Frame:
    """(h, w) int32 of cells, true ids, and the detections of one moment."""

    time_s: float
    truth: np.ndarray
    found: Detections


def frames(seed: int, fps: int, *, seconds: float = SECONDS, people: int = PEOPLE) -> Iterator[Frame]:
    """The frames of a clip; clips of one seed show the same crowd at every rate."""
    crowd, noise = Crowd(seed, people), np.random.default_rng([seed, fps, 17])
    every = STEPS_PER_S // fps
    for number in range(round(seconds * STEPS_PER_S)):
        if number % every == 0:
            truth, visible = true_map(crowd.people)
            yield Frame(number / STEPS_PER_S, truth, detections(truth, visible, noise))
        crowd.step(1 / STEPS_PER_S)


def true_map(people: list[Person]) -> tuple[np.ndarray, dict[int, float]]:
    """(h, w) int32 of cells, and by id the visible share; ids that are too little visible are left out."""
    canvas = np.zeros(SIZE_HW, np.int32)
    whole = {}
    for person in sorted(people, key=lambda one: one.y):  # the nearest last
        alone = np.zeros(SIZE_HW, np.uint8)
        person.draw(alone, 1)
        person.draw(canvas, person.number)
        whole[person.number] = int(_on_cells(alone).sum())
    cells = _on_cells(canvas).copy()
    visible = {}
    for number, area in sorted(whole.items()):
        mask = cells == number
        n = int(mask.sum())
        if n < LEAST_CELLS or n < LEAST_VISIBLE * area:
            cells[mask] = 0
        else:
            visible[number] = n / area
    return cells, visible


def _on_cells(canvas: np.ndarray) -> np.ndarray:
    return canvas[CELL // 2 :: CELL, CELL // 2 :: CELL]


def detections(truth: np.ndarray, visible: dict[int, float], noise: np.random.Generator) -> Detections:
    """What a network would find: some missed, some split, all with shaky borders."""
    chosen = [number for number in sorted(visible) if noise.random() >= MISSED]
    instances, deepest = np.zeros(truth.shape, np.int32), np.zeros(truth.shape, np.float32)
    scores = []
    for place, number in enumerate(chosen, start=1):
        window, depth = _shaken(truth == number, noise)
        owned = depth > deepest[window]
        deepest[window][owned] = depth[owned]
        instances[window][owned] = place
        scores.append(float(np.clip(0.95 - 0.3 * (1 - visible[number]) + noise.normal(0, 0.03), 0.05, 0.99)))
    for place in range(1, len(chosen) + 1):
        if noise.random() < SPLIT and (instances == place).sum() >= 2 * LEAST_CELLS:
            _split(instances, place, len(scores) + 1, noise)
            scores.append(scores[place - 1] - 0.1)
    return _numbered(instances, np.array(scores, np.float32))


def _shaken(mask: np.ndarray, noise: np.random.Generator) -> tuple[tuple[slice, slice], np.ndarray]:
    """A window around a mask, and how deep its cells lie inside the shaky border, in cells."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    window = tuple(slice(max(int(line[0]) - MARGIN, 0), int(line[-1]) + MARGIN + 1) for line in (rows, columns))
    inner = mask[window].astype(np.uint8)
    depth = cv2.distanceTransform(inner, cv2.DIST_L2, 3) - cv2.distanceTransform(1 - inner, cv2.DIST_L2, 3)
    shaking = cv2.GaussianBlur(noise.normal(size=inner.shape).astype(np.float32), (0, 0), 1.5)
    return window, depth + SHAKE * shaking / shaking.std()


def _split(instances: np.ndarray, number: int, new: int, noise: np.random.Generator) -> None:
    axis = int(noise.random() < 0.3)  # mostly trunk and legs
    where = np.nonzero(instances == number)
    cut = np.quantile(where[axis], noise.uniform(0.3, 0.7))
    part = where[axis] > cut
    instances[where[0][part], where[1][part]] = new


def _numbered(instances: np.ndarray, scores: np.ndarray) -> Detections:
    """Without the objects that have lost all their cells."""
    present = np.bincount(instances.ravel(), minlength=len(scores) + 1)[1:] > 0
    table = np.concatenate([[0], np.where(present, np.cumsum(present), 0)]).astype(np.int32)
    person = np.tile(np.float32([0.0, 1.0]), (int(present.sum()), 1))
    return Detections(
        instances=table[instances], cell=CELL, size_hw=SIZE_HW, probabilities=person, scores=scores[present]
    )
