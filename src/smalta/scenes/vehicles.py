"""Cars of three makes, each as passenger car and as lorry, and a bus.

In:  a seeded generator, a make, a body.
Out: `Model`s around their place on the ground.

Numpy. Must not know: cameras, roads, other objects of a scene.

Makes differ in shape and in the pattern of lights and grille, from near and far, never in the paint:
  arden  upright and tall; round lamps, a grille of upright bars, a roof rack, dark flanks, a spare wheel at the back;
         a lorry with a ribbed box
  borea  low, with bonnet and boot; a strip of light across the whole front, a red strip across the whole rear, a line
         along the flanks, a sliding roof; a lorry whose box has cut-off edges
  castor wedge-shaped; tall lamps in the corners, a wide air intake below, two stripes over bonnet and roof; a lorry
         with a tarpaulin like a tent
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from smalta.scenes.polygons import Mesh
from smalta.scenes.solids import Model, Piece, block, centre_of, disc, normal_of, on, rect

MAKES = ("arden", "borea", "castor")
BODIES = ("passenger", "lorry")
BUS = "vehicle/bus"

Color = Sequence[float]
Shape = tuple[str, np.ndarray]

PAINTS = (
    (0.93, 0.93, 0.92), (0.72, 0.73, 0.75), (0.48, 0.49, 0.51), (0.30, 0.31, 0.33), (0.12, 0.12, 0.13),
    (0.16, 0.24, 0.48), (0.35, 0.50, 0.68), (0.62, 0.10, 0.10), (0.45, 0.12, 0.16), (0.16, 0.32, 0.22),
    (0.76, 0.70, 0.58), (0.48, 0.36, 0.26), (0.86, 0.68, 0.16), (0.82, 0.40, 0.12),
)  # fmt: skip

# material: colour, gloss, glow
MATERIALS: dict[str, tuple[Color, float, float]] = {
    "dark": ((0.07, 0.07, 0.08), 0.05, 0.0),
    "tyre": ((0.09, 0.09, 0.09), 0.0, 0.0),
    "hub": ((0.58, 0.59, 0.60), 0.1, 0.0),
    "chrome": ((0.80, 0.81, 0.83), 0.25, 0.0),
    "lamp": ((0.97, 0.96, 0.88), 0.1, 1.0),
    "tail": ((0.72, 0.06, 0.05), 0.0, 0.95),
    "plate": ((0.92, 0.92, 0.86), 0.0, 0.25),
    "glass": ((0.15, 0.18, 0.21), 0.30, 0.0),
    "pane": ((0.20, 0.23, 0.25), 0.25, 2.2),
    "amber": ((0.98, 0.62, 0.12), 0.0, 1.0),
}

FRONTS: dict[str, list[Shape]] = {
    "arden": [
        ("dark", rect(0.04, 0.02, 0.96, 0.22)),
        ("dark", rect(0.29, 0.38, 0.71, 0.90)),
        *(("chrome", rect(u, 0.40, u + 0.045, 0.88)) for u in (0.33, 0.43, 0.53, 0.63)),
        *(("dark", disc(u, 0.66, 0.115, 0.24)) for u in (0.155, 0.845)),
        *(("lamp", disc(u, 0.66, 0.085, 0.18)) for u in (0.155, 0.845)),
    ],
    "borea": [
        ("dark", rect(0.10, 0.04, 0.90, 0.20)),
        ("dark", rect(0.25, 0.30, 0.75, 0.66)),
        *(("chrome", rect(0.26, v, 0.74, v + 0.06)) for v in (0.36, 0.52)),
        ("dark", rect(0.0, 0.66, 1.0, 0.94)),
        ("lamp", rect(0.02, 0.73, 0.98, 0.87)),
    ],
    "castor": [
        ("dark", np.array([(0.14, 0.06), (0.86, 0.06), (0.72, 0.46), (0.28, 0.46)])),
        *(("lamp", rect(u, 0.40, u + 0.10, 0.97)) for u in (0.01, 0.89)),
        *(("dark", rect(u, 0.40, u + 0.03, 0.97)) for u in (0.12, 0.85)),
    ],
}  # fmt: skip

REARS: dict[str, list[Shape]] = {
    "arden": [
        ("dark", rect(0.03, 0.02, 0.97, 0.20)),
        *(("tail", disc(u, 0.45, 0.065, 0.13)) for u in (0.10, 0.90)),
    ],
    "borea": [
        ("dark", rect(0.12, 0.03, 0.88, 0.16)),
        ("tail", rect(0.03, 0.66, 0.97, 0.84)),
    ],
    "castor": [
        ("dark", np.array([(0.20, 0.04), (0.80, 0.04), (0.70, 0.26), (0.30, 0.26)])),
        *(("tail", rect(u, 0.34, u + 0.09, 1.0)) for u in (0.01, 0.90)),
    ],
}
STRIPES: list[Shape] = [  # along the car, dark between light lines
    ("chrome", rect((0.24, 0.59), 0.0, (0.41, 0.76), 1.0)),
    ("dark", rect((0.27, 0.62), 0.0, (0.38, 0.73), 1.0)),
]
ROOFS: dict[str, list[Shape]] = {
    "arden": [("dark", rect(0.06, (0.10, 0.36, 0.62, 0.86), 0.94, (0.16, 0.42, 0.68, 0.92)))],  # a rack
    "borea": [("chrome", rect(0.10, 0.14, 0.90, 0.86)), ("glass", rect(0.15, 0.19, 0.85, 0.81))],  # a sliding roof
    "castor": STRIPES,
}
BONNETS: dict[str, list[Shape]] = {"arden": [], "borea": [], "castor": STRIPES}
FLANKS: dict[str, list[Shape]] = {  # u from the rear to the front
    "arden": [("dark", rect(0.0, 0.0, 1.0, 0.30))],
    "borea": [("chrome", rect(0.02, 0.58, 0.98, 0.68))],
    "castor": [],
}
PLATE = rect(0.39, 0.22, 0.61, 0.36)


BODY, CARGO = 1, 2  # dyes


class _Builder:
    """Adds blocks and shapes of one vehicle to its mesh."""

    def __init__(self, node: str) -> None:
        self.mesh = Mesh()
        self.hulls: list[np.ndarray] = []
        self.node = node

    def block(self, faces: Mapping[str, np.ndarray], dye: int = BODY, color: Color = (1, 1, 1)) -> None:
        inside = centre_of(faces)
        for face in faces.values():
            gloss = 0.10 if dye == BODY else 0.02
            self.mesh.add(face, color, self.node, normal=normal_of(face, inside), gloss=gloss, dye=dye)
        self.hulls.append(np.concatenate([faces["top"], faces["front"][:2], faces["rear"][:2]]))

    def shapes(self, face: np.ndarray, inside: np.ndarray, shapes: Sequence[Shape]) -> None:
        normal = normal_of(face, inside)
        for material, uv in shapes:
            self.material(on(face, uv), material, normal)

    def material(self, points: np.ndarray, material: str, normal: Sequence[float] | np.ndarray) -> None:
        color, gloss, glow = MATERIALS[material]
        self.mesh.add(points, color, self.node, normal=normal, gloss=gloss, glow=np.array(color) * glow)

    def sides(self, faces: Mapping[str, np.ndarray], shapes: Sequence[Shape]) -> None:
        """The same shapes on both sides, u from the rear to the front."""
        inside = centre_of(faces)
        self.shapes(faces["right"], inside, shapes)
        self.shapes(faces["left"], inside, [(name, uv * (-1, 1) + (1, 0)) for name, uv in shapes])

    def wheels(self, half_width: float, axles: Sequence[float], radius: float) -> None:
        """Tyres below the body, as seen from ahead and behind; they are painted before the body."""
        for z in axles:
            for side in (-1, 1):
                outer, inner = side * half_width * 0.97, side * half_width * 0.72
                for step in (-1.0, 1.0):
                    face = np.array([(outer, 0, z), (inner, 0, z), (inner, radius, z), (outer, radius, z)])
                    self.material(face, "tyre", (0.0, 0.0, step))

    def discs(self, half_width: float, axles: Sequence[float], radius: float) -> None:
        """Wheels as seen from the side; they are painted after the body."""
        for z in axles:
            for side in (-1.0, 1.0):
                for name, r in (("tyre", radius), ("hub", radius * 0.55)):
                    uv = disc(z, radius, r, r, 12)
                    points = np.stack([np.full(len(uv), side * half_width * 1.01), uv[:, 1], uv[:, 0]], axis=-1)
                    self.material(points, name, (side, 0.0, 0.0))

    def model(self, half_width: float, ends: tuple[float, float]) -> Model:
        piece = Piece(polygons=self.mesh.polygons(), half_width=half_width, ends=ends)
        return Model(pieces=[piece], hulls=self.hulls)


def _windows(*edges: float) -> list[Shape]:
    """Side windows between edges along the side, from the rear."""
    return [("glass", rect(a + 0.015, 0.10, b - 0.015, 0.88)) for a, b in pairwise(edges)]


@cache
def _car(make: str) -> Model:
    build = _Builder(f"vehicle/car/{make}")
    # length, half width, belt, height; body: bottom, ends of its top; cabin: ends of its bottom and of its top
    length, wide, belt, high, low, deck, cabin, roof, radius = {
        "arden": (4.2, 0.92, 1.08, 1.86, 0.38, (0.0, 0.06), (0.0, 1.25), (0.05, 1.55), 0.40),
        "borea": (4.7, 0.91, 0.92, 1.42, 0.26, (0.08, 0.15), (0.75, 1.35), (1.45, 2.15), 0.33),
        "castor": (3.9, 0.88, 0.86, 1.50, 0.26, (0.02, 0.62), (0.06, 0.75), (0.62, 1.95), 0.33),
    }[make]
    rear, front = -length / 2, length / 2
    axles = (rear + 0.19 * length, front - 0.19 * length)
    body = block((rear, front), (rear + deck[0], front - deck[1]), (wide, wide * 0.98), (low, belt))
    cabin_ends = (rear + cabin[0], front - cabin[1])
    roof_ends = (rear + roof[0], front - roof[1])
    top = block(cabin_ends, roof_ends, (wide * 0.95, wide * (0.90 if make == "arden" else 0.74)), (belt, high))
    build.wheels(wide, axles, radius)
    build.block(body)
    middle = centre_of(body)
    build.shapes(body["front"], middle, FRONTS[make])
    build.shapes(body["rear"], middle, REARS[make])
    for end in ("front", "rear"):
        build.shapes(body[end], middle, [("plate", PLATE)])
    build.shapes(body["top"], middle, BONNETS[make])
    build.sides(body, [*FLANKS[make], *(("dark", rect(u, 0.12, u + 0.006, 0.96)) for u in (0.36, 0.62))])
    build.block(top)
    middle = centre_of(top)
    build.shapes(top["top"], middle, ROOFS[make])
    build.shapes(top["front"], middle, [("glass", rect(0.05, 0.08, 0.95, 0.90))])
    build.shapes(top["rear"], middle, [("glass", rect(0.09, 0.15, 0.91, 0.86))])
    build.sides(top, {
        "arden": _windows(0.05, 0.34, 0.64, 0.93),
        "borea": _windows(0.10, 0.48, 0.86),
        "castor": _windows(0.14, 0.55, 0.90),
    }[make])  # fmt: skip
    build.discs(wide, axles, radius)
    if make == "arden":  # the spare wheel
        back = np.array([(-wide, low, rear), (wide, low, rear), (wide, high, rear), (-wide, high, rear)]) - (0, 0, 0.03)
        build.shapes(back, middle, [("tyre", disc(0.5, 0.52, 0.19, 0.24, 14)), ("hub", disc(0.5, 0.52, 0.10, 0.13))])
    return build.model(wide, (rear, front))


@cache
def _lorry(make: str) -> Model:
    wide, radius, floor = 1.08, 0.45, 0.75
    rear, front, cargo_front = -3.2, 3.2, 1.45

    back = _Builder(f"vehicle/car/{make}")
    axles = (rear + 1.2,)
    back.wheels(wide, axles, radius)
    frame = block((rear, cargo_front), (rear, cargo_front), (wide * 0.9, wide * 0.9), (0.5, floor))
    back.block(frame, 0, (0.13, 0.13, 0.14))
    middle = _cargo(back, make, (rear, cargo_front), wide, floor)
    back.discs(wide, axles, radius)
    bumper = np.array([(-wide, 0.45, rear), (wide, 0.45, rear), (wide, 1.15, rear), (-wide, 1.15, rear)])
    back.shapes(bumper - (0, 0, 0.02), middle, [*REARS[make], ("plate", PLATE)])

    ahead = _Builder(f"vehicle/car/{make}")
    axles = (front - 1.0,)
    slant = {"arden": 0.05, "borea": 0.22, "castor": 0.75}[make]
    cab = block((cargo_front, front), (cargo_front, front - slant), (wide * 0.97, wide * 0.92), (0.45, 2.35))
    ahead.wheels(wide, axles, radius)
    ahead.block(cab)
    middle = centre_of(cab)
    face = cab["front"]
    lower = np.concatenate([face[:2], on(face, np.array([(1.0, 0.42), (0.0, 0.42)]))])
    ahead.shapes(lower, middle, [*FRONTS[make], ("plate", PLATE)])
    ahead.shapes(cab["top"], middle, ROOFS[make])
    ahead.shapes(face, middle, [("glass", rect(0.05, 0.50, 0.95, 0.86))])
    ahead.sides(cab, [("glass", rect(0.30, 0.52, 0.86, 0.84)), ("dark", rect(0.24, 0.05, 0.26, 0.95))])
    ahead.discs(wide, axles, radius)

    cargo, driver = back.model(wide, (rear, cargo_front)), ahead.model(wide, (cargo_front, front))
    return Model(pieces=[*cargo.pieces, *driver.pieces], hulls=[*cargo.hulls, *driver.hulls])


def _cargo(build: _Builder, make: str, ends: tuple[float, float], wide: float, floor: float) -> np.ndarray:
    """The cargo of a lorry, which shows the make from behind and from the side; returns its middle."""
    rear, front = ends
    if make == "arden":
        box = block(ends, ends, (wide, wide), (floor, 3.0))
        build.block(box, CARGO)
        build.sides(box, [("dark", rect(u, 0.03, u + 0.015, 0.97)) for u in np.arange(0.08, 0.95, 0.12)])
        build.shapes(box["rear"], centre_of(box), [("dark", rect(u, 0.2, u + 0.03, 0.95)) for u in (0.2, 0.485, 0.77)])
        build.shapes(
            box["top"], centre_of(box), [("dark", rect(0.03, v, 0.97, v + 0.015)) for v in np.arange(0.08, 0.95, 0.12)]
        )
    elif make == "borea":
        box = block(ends, ends, (wide, wide), (floor, 2.35))
        build.block(box, CARGO)
        build.block(block(ends, (rear + 0.5, front - 0.1), (wide, wide * 0.55), (2.35, 2.95)), CARGO)
        build.sides(box, [("chrome", rect(0.0, 0.42, 1.0, 0.56))])
        build.shapes(box["rear"], centre_of(box), [("chrome", rect(0.0, 0.42, 1.0, 0.56))])
    else:
        box = block(ends, ends, (wide, wide), (floor, 1.35))
        build.block(box)
        tent = block(ends, ends, (wide, 0.08), (1.35, 2.65))
        build.block(tent, CARGO)
        build.sides(tent, [("dark", rect(u, 0.0, u + 0.012, 1.0)) for u in (0.25, 0.5, 0.75)])
        build.shapes(tent["rear"], centre_of(tent), [("dark", rect(0.49, 0.0, 0.51, 1.0))])
    return centre_of(box)


@cache
def _bus() -> Model:
    build = _Builder(BUS)
    length, wide = 9.6, 1.25
    rear, front = -length / 2, length / 2
    body = block((rear, front), (rear, front - 0.1), (wide, wide * 0.97), (0.3, 2.95))
    axles = (rear + 2.0, front - 1.9)
    build.wheels(wide, axles, 0.46)
    build.block(body)
    middle = centre_of(body)
    n = int(length // 1.4)
    edges = np.linspace(0.03, 0.97, n + 1)
    build.sides(body, [("pane", rect(a + 0.006, 0.42, b - 0.006, 0.82)) for a, b in pairwise(edges)])
    build.shapes(body["front"], middle, [
        ("pane", rect(0.05, 0.34, 0.95, 0.80)), ("dark", rect(0.12, 0.83, 0.88, 0.97)),
        ("amber", rect(0.22, 0.86, 0.78, 0.94)), ("lamp", disc(0.12, 0.15, 0.07, 0.05)),
        ("lamp", disc(0.88, 0.15, 0.07, 0.05)), ("plate", rect(0.40, 0.08, 0.60, 0.14)),
    ])  # fmt: skip
    build.shapes(body["rear"], middle, [
        ("pane", rect(0.12, 0.52, 0.88, 0.84)), ("dark", rect(0.15, 0.14, 0.85, 0.36)),
        ("tail", rect(0.02, 0.20, 0.09, 0.42)), ("tail", rect(0.91, 0.20, 0.98, 0.42)),
    ])  # fmt: skip
    build.discs(wide, axles, 0.46)
    return build.model(wide, (rear, front))


def car(rng: np.random.Generator, make: str, body: str, *, lights: bool) -> Model:
    """A car of a make in `MAKES` and a body in `BODIES`, in any paint; `lights` shine if it is dark."""
    return _finish(rng, _car(make) if body == "passenger" else _lorry(make), lights)


def bus(rng: np.random.Generator) -> Model:
    """A town bus."""
    return _finish(rng, _bus(), lights=True)


def _finish(rng: np.random.Generator, model: Model, lights: bool) -> Model:
    body, cargo = (np.array(PAINTS[rng.integers(len(PAINTS))]) * rng.uniform(0.9, 1.1) for _ in range(2))
    return model.painted(body, cargo, scale=(1.0, 1.0, rng.uniform(0.93, 1.08)), lights=lights)
