"""A shop seen by a camera at the ceiling: shelves, trolleys and round stands, and people from above.

In:  a seed, a picture size.
Out: `Sample`s with one instance per person.

Numpy and OpenCV. Must not know: networks, files.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from smalta.classes import ClassTree
from smalta.data.sample import Sample
from smalta.scenes.flat import SCALE, clouds, sensor, uneven_light

CLOTHES = np.array(
    [
        *((0.16, 0.18, 0.26), (0.62, 0.14, 0.15), (0.20, 0.36, 0.60), (0.78, 0.77, 0.74), (0.24, 0.40, 0.28)),
        *((0.82, 0.66, 0.24), (0.36, 0.27, 0.22), (0.52, 0.34, 0.55), (0.10, 0.10, 0.11), (0.86, 0.52, 0.42)),
    ],
    dtype=np.float32,
)
HAIR = np.array(
    [(0.08, 0.07, 0.06), (0.22, 0.14, 0.09), (0.42, 0.28, 0.16), (0.74, 0.60, 0.38), (0.62, 0.62, 0.62)],
    dtype=np.float32,
)
SKIN = np.array([(0.88, 0.68, 0.56), (0.66, 0.46, 0.34), (0.38, 0.25, 0.19)], dtype=np.float32)


def shop_tree() -> ClassTree:
    """Floor, shelf, stand and trolley, and people as things."""
    return ClassTree(
        {
            "floor": {"color": "#90a4ae"},
            "shelf": {"color": "#8d6e63"},
            "stand": {"color": "#ffb74d"},
            "trolley": {"color": "#4db6ac"},
            "person": {"kind": "thing", "color": "#ff4fd8"},
        }
    )


@dataclass(slots=True, kw_only=True)
class _Floor:
    """The cells of a picture: colour 0..1, node, person, and the places that are taken (y, x, radius)."""

    color: np.ndarray
    nodes: np.ndarray
    people: np.ndarray
    tree: ClassTree
    taken: list[tuple[float, float, float]] = field(default_factory=list)

    def shade(self, points_xy: np.ndarray, strength: float) -> None:
        """Darken the floor softly around a shape."""
        mask = np.zeros(self.nodes.shape, dtype=np.uint8)
        cv2.fillPoly(mask, [_cells(points_xy)], 255)
        soft = cv2.blur(mask, (15, 15)).astype(np.float32) / 255
        self.color *= (1 - np.float32(strength) * soft)[..., None]

    def fill(self, points_xy: np.ndarray, color: np.ndarray, node: str, person: int = 0) -> None:
        """Paint and label a polygon (k, 2) of cells."""
        points = _cells(points_xy)
        cv2.fillPoly(self.color, [points], tuple(map(float, color)))
        cv2.fillPoly(self.nodes, [points], self.tree[node].id)
        cv2.fillPoly(self.people, [points], person)

    def is_free(self, y: float, x: float, radius: float) -> bool:
        return all(np.hypot(y - there_y, x - there_x) > radius + other for there_y, there_x, other in self.taken)


def draw_shop(seed: int, size_hw: tuple[int, int] = (160, 224)) -> Sample:
    """One look from the ceiling; the same for the same seed.

    Returns:
        A sample in the classes of `shop_tree()`. A person is all that is visible of head, shoulders and arms.
    """
    rng = np.random.default_rng((seed, 5))
    shape = (size_hw[0] * SCALE, size_hw[1] * SCALE)
    tree = shop_tree()
    floor = _Floor(
        color=_tiles(rng, shape),
        nodes=np.full(shape, tree["floor"].id, dtype=np.uint8),
        people=np.zeros(shape, dtype=np.int32),
        tree=tree,
    )
    _shelves(rng, floor)
    for _ in range(rng.integers(0, 4)):
        _stand(rng, floor)
    _crowd(rng, floor)
    seen: np.ndarray = cv2.resize(floor.color, size_hw[::-1], interpolation=cv2.INTER_AREA)
    seen = seen * (1 + np.float32(0.015) * clouds(rng, size_hw, 1.0))[..., None]
    seen *= uneven_light(rng, size_hw, float(rng.uniform(0.1, 0.4)))[..., None]
    picture = sensor(seen, rng, blur=float(rng.uniform(0.4, 0.7)), noise=float(rng.uniform(0.015, 0.035)))
    middle = (slice(SCALE // 2, None, SCALE),) * 2
    numbers, instances = np.unique(floor.people[middle], return_inverse=True)
    instances = instances.reshape(size_hw) + (0 if numbers[0] == 0 else 1)
    return Sample(
        name=f"shop_{seed:06d}",
        picture=picture,
        classes=floor.nodes[middle].astype(np.uint16),
        instances=instances.astype(np.int32),
    )


def _tiles(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """(h, w, 3) float32 cells: a tiled floor."""
    base = np.array(((0.72, 0.70, 0.66), (0.62, 0.63, 0.64), (0.70, 0.62, 0.52))[rng.integers(3)], dtype=np.float32)
    side, shift = int(rng.integers(55, 95)), rng.integers(0, 90, 2)
    rows, columns = (np.arange(shape[0]) + shift[0]), (np.arange(shape[1]) + shift[1])
    shades = rng.normal(1.0, 0.02, (30, 30)).astype(np.float32)
    color = base * shades[np.ix_(rows // side, columns // side)][..., None]
    color[rows % side < 3] *= np.float32(0.86)
    color[:, columns % side < 3] *= np.float32(0.86)
    return np.ascontiguousarray(color * np.float32(rng.uniform(0.85, 1.05)))


def _shelves(rng: np.random.Generator, floor: _Floor) -> None:
    """One or two long shelves along the picture, full of goods."""
    height, width = floor.nodes.shape
    deep = rng.uniform(75, 110)
    tops = [(-0.5 * deep, 0.3 * deep), (height - 0.8 * deep, height + 10.0), (0.42 * height, 0.42 * height + deep)]
    chosen = rng.choice(3, int(rng.integers(1, 3)), replace=False)
    for top, bottom in (tops[i] for i in chosen):
        left, right = (-10.0, width + 10.0) if top < 0 or bottom > height else np.sort(rng.uniform(0.1, 0.9, 2)) * width
        if right - left < 150:
            continue
        floor.shade(_box(top - 6, left - 6, bottom + 9, right + 9), 0.35)
        floor.fill(_box(top, left, bottom, right), np.full(3, rng.uniform(0.3, 0.5)), "shelf")
        for row in np.arange(top + 4, bottom - 14, 24):
            x = left + 4
            while x < right - 12:
                wide = rng.uniform(8, 24)
                color = np.clip(CLOTHES[rng.integers(len(CLOTHES))] * rng.uniform(0.7, 1.3) + 0.08, 0, 1)
                floor.fill(_box(row, x, row + 20, min(x + wide, right - 4)), color, "shelf")
                x += wide + 2
        for x in np.arange(left, right, 40.0):
            floor.taken += [(y, x, 24.0) for y in np.arange(top + 20, bottom, 30.0)]


def _stand(rng: np.random.Generator, floor: _Floor) -> None:
    """A round table or basket with goods, which looks a little like a head."""
    height, width = floor.nodes.shape
    y, x, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(20, 42)
    if not floor.is_free(y, x, radius + 8):
        return
    floor.shade(_ellipse(y + 4, x + 4, radius + 5, radius + 5, 0), 0.35)
    floor.fill(_ellipse(y, x, radius, radius, 0), np.array((0.45, 0.32, 0.22)) * rng.uniform(0.7, 1.4), "stand")
    color = CLOTHES[rng.integers(len(CLOTHES))]
    for _ in range(int(radius * 0.7)):
        turn, reach = rng.uniform(0, 2 * np.pi), (radius - 9) * np.sqrt(rng.random())
        ball = _ellipse(y + reach * np.sin(turn), x + reach * np.cos(turn), 6, 6, 0)
        floor.fill(ball, np.clip(color * rng.uniform(0.7, 1.3), 0, 1), "stand")
    floor.taken.append((y, x, radius))


def _crowd(rng: np.random.Generator, floor: _Floor) -> None:
    """People alone, in pairs that touch, and with trolleys."""
    height, width = floor.nodes.shape
    wanted, number = int(rng.integers(2, 15)), 0
    for _ in range(4 * wanted):
        y, x, turn = rng.uniform(0.04, 0.96) * height, rng.uniform(0.04, 0.96) * width, rng.uniform(0, 2 * np.pi)
        if number >= wanted or not floor.is_free(y, x, 34):
            continue
        ahead = np.array((np.sin(turn), np.cos(turn)))
        cart_y, cart_x = y + 62 * ahead[0], x + 62 * ahead[1]
        pushes = rng.random() < 0.3 and floor.is_free(cart_y, cart_x, 34)
        floor.taken.append((y, x, 30))
        if pushes:
            _trolley(rng, floor, cart_y, cart_x, turn)
            floor.taken.append((cart_y, cart_x, 34))
        number += 1
        _person(rng, floor, (y, x), turn, number, arms=pushes)
        beside_y, beside_x = y + 54 * ahead[1], x - 54 * ahead[0]
        inside = 10 < beside_y < height - 10 and 10 < beside_x < width - 10
        if inside and rng.random() < 0.3 and number < wanted and floor.is_free(beside_y, beside_x, 22):
            number += 1
            _person(rng, floor, (beside_y, beside_x), turn + rng.normal(0, 0.3), number, arms=False)
            floor.taken.append((beside_y, beside_x, 30))


def _person(
    rng: np.random.Generator, floor: _Floor, place_yx: tuple[float, float], turn: float, number: int, *, arms: bool
) -> None:
    """Arms, shoulders and head; the head leans away from the picture's middle, as a lens shows it."""
    height, width = floor.nodes.shape
    y, x = place_yx
    size = float(rng.uniform(0.85, 1.12))
    lean_y, lean_x = 0.035 * (y - height / 2), 0.035 * (x - width / 2)
    ahead, beside = np.array((np.sin(turn), np.cos(turn))), np.array((np.cos(turn), -np.sin(turn)))
    cloth = np.clip(CLOTHES[rng.integers(len(CLOTHES))] * rng.uniform(0.8, 1.2), 0, 1)
    skin, hair = SKIN[rng.integers(len(SKIN))], HAIR[rng.integers(len(HAIR))] * np.float32(rng.uniform(0.8, 1.2))
    degrees = float(np.degrees(turn))
    floor.shade(_ellipse(y + 5, x + 6, 22 * size, 34 * size, degrees), 0.35)
    for side in (-1, 1):
        long = 26.0 if arms else rng.uniform(4, 15)
        hand_y, hand_x = np.array((y, x)) + size * (long * ahead + side * 20 * beside)
        middle_y, middle_x = (hand_y + y + side * 24 * beside[0]) / 2, (hand_x + x + side * 24 * beside[1]) / 2
        floor.fill(
            _ellipse(middle_y, middle_x, 8 * size, (long / 2 + 7) * size, degrees + 90), 0.85 * cloth, "person", number
        )
        floor.fill(_ellipse(hand_y, hand_x, 5 * size, 5 * size, 0), skin, "person", number)
    floor.fill(_ellipse(y, x, 15 * size, 29 * size, degrees), cloth, "person", number)
    floor.fill(_ellipse(y - 2, x - 2, 9 * size, 22 * size, degrees), np.minimum(1.12 * cloth, 1), "person", number)
    head_y, head_x = np.array((y + lean_y, x + lean_x)) + 3 * ahead
    face_y, face_x = np.array((head_y, head_x)) + 5 * size * ahead
    floor.fill(_ellipse(face_y, face_x, 10 * size, 10 * size, 0), skin, "person", number)
    floor.fill(_ellipse(head_y, head_x, 12.5 * size, 11.5 * size, degrees), hair, "person", number)
    gloss_y, gloss_x = head_y - 3 * size, head_x - 3 * size
    floor.fill(_ellipse(gloss_y, gloss_x, 5 * size, 5 * size, 0), np.minimum(1.25 * hair + 0.04, 1), "person", number)


def _trolley(rng: np.random.Generator, floor: _Floor, y: float, x: float, turn: float) -> None:
    """A basket of wire on wheels, with some goods."""
    along, across = np.array((np.cos(turn), np.sin(turn))), np.array((-np.sin(turn), np.cos(turn)))  # (x, y)
    middle = np.array((x, y))

    def quad(back: float, front: float, half: float) -> np.ndarray:
        corners = ((back, -half), (front, -0.8 * half), (front, 0.8 * half), (back, half))
        return np.array([middle + a * along + b * across for a, b in corners])

    floor.shade(quad(-34, 36, 26), 0.25)
    floor.fill(quad(-30, 32, 21), np.array((0.50, 0.52, 0.54)), "trolley")
    floor.fill(quad(-26, 28, 17), np.array((0.36, 0.37, 0.39)), "trolley")
    for _ in range(rng.integers(1, 9)):
        ahead, aside = rng.uniform(-20, 20), rng.uniform(-11, 11)
        place = middle + ahead * along + aside * across
        color = np.clip(CLOTHES[rng.integers(len(CLOTHES))] * rng.uniform(0.8, 1.3), 0, 1)
        floor.fill(_ellipse(place[1], place[0], rng.uniform(4, 8), rng.uniform(4, 9), 30), color, "trolley")
    for ahead in np.arange(-26, 30, 9.0):
        ends = [middle + ahead * along + side * 17 * across for side in (-1, 1)]
        cv2.line(floor.color, _cells(ends[0]).tolist(), _cells(ends[1]).tolist(), (0.68, 0.69, 0.7), 1)
    grip = quad(-34, -30, 20)
    floor.fill(grip, np.array((0.75, 0.15, 0.15)), "trolley")


def _box(top: float, left: float, bottom: float, right: float) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _ellipse(y: float, x: float, half_high: float, half_wide: float, degrees: float) -> np.ndarray:
    """(24, 2) points (x, y) of an ellipse; its `half_high` side looks along `degrees`, 0 = to the right."""
    angle, turn = np.linspace(0, 2 * np.pi, 24, endpoint=False), np.radians(degrees)
    ahead, beside = half_high * np.cos(angle), half_wide * np.sin(angle)
    return np.stack(
        [x + ahead * np.cos(turn) - beside * np.sin(turn), y + ahead * np.sin(turn) + beside * np.cos(turn)], axis=1
    )


def _cells(points_xy: np.ndarray) -> np.ndarray:
    return np.rint(points_xy).astype(np.int32)
