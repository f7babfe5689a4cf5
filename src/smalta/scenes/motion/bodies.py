"""Bodies of people made of balls: the hull of two or more balls is a limb, the trunk, the head or a bag.

In:  a seeded generator; how far a person has walked, and how fast.
Out: a `Body`; its balls in metres around the place where it stands.

numpy only. Must not know: cameras, colours of light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

USUAL_HEIGHT = 1.75  # metres; all measures below are of a person of this height

SKIN = ((0.93, 0.76, 0.65), (0.82, 0.62, 0.48), (0.58, 0.40, 0.29), (0.36, 0.24, 0.18))
HAIR = ((0.10, 0.08, 0.07), (0.32, 0.21, 0.13), (0.72, 0.58, 0.36), (0.60, 0.60, 0.60), (0.45, 0.16, 0.08))
SHIRT, TROUSERS, FLESH, TOP, SHOES, BAG, SLEEVE, STOCKING = range(8)  # paints

# balls: right, up, ahead, radius; the limbs' places depend on the step
STILL = np.array(
    [
        (0.0, 1.61, 0.02, 0.105),  # 0 head
        (0.0, 1.655, -0.03, 0.113),  # 1 hair
        (0.0, 1.45, -0.01, 0.062),  # 2 neck
        (0.0, 1.54, 0.0, 0.055),  # 3 throat
        (-0.16, 1.40, -0.01, 0.078),  # 4 left shoulder
        (0.16, 1.40, -0.01, 0.078),  # 5 right shoulder
        (0.0, 1.27, 0.03, 0.130),  # 6 chest
        (0.0, 1.05, 0.03, 0.125),  # 7 belly
        (-0.095, 0.96, 0.0, 0.095),  # 8 left hip
        (0.095, 0.96, 0.0, 0.095),  # 9 right hip
        (0.0, 1.44, -0.10, 0.090),  # 10 long hair
        (0.0, 1.30, -0.20, 0.115),  # 11 rucksack above
        (0.0, 1.06, -0.20, 0.130),  # 12 rucksack below
        (-0.15, 0.56, 0.06, 0.095),  # 13 hem
        (0.15, 0.56, 0.06, 0.095),  # 14 hem
        (-0.15, 0.56, -0.06, 0.095),  # 15 hem
        (0.15, 0.56, -0.06, 0.095),  # 16 hem
    ]
)
ARM, LEG = 17, 25  # numbers of the first balls: arms (joint, elbow, wrist, hand), legs (joint, knee, ankle, heel, toe)
THIGH, SHANK, UPPER_ARM, FORE_ARM = 0.43, 0.43, 0.28, 0.25
PACE = 1.5  # metres of two steps
CASE = 35  # the balls of a bag in the right hand
N_BALLS = 37


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Body:
    """One person.

    Attributes:
        height: metres.
        wide: factor of all radii.
        paints: (8, 3) colours 0..1 in the order of SHIRT, TROUSERS, ...
        parts: numbers of the balls whose hull is a part, and its paint.
    """

    height: float
    wide: float
    paints: np.ndarray
    parts: tuple[tuple[tuple[int, ...], int], ...]


def draw_body(rng: np.random.Generator) -> Body:
    """A random person; about one in seven is a child."""
    height = rng.uniform(1.1, 1.4) if rng.random() < 0.14 else rng.uniform(1.56, 1.92)
    cloth = np.clip(rng.uniform(0.06, 0.85, (3, 1)) + rng.uniform(-0.22, 0.22, (3, 3)), 0.04, 0.95)
    skin = np.array(SKIN[rng.integers(len(SKIN))]) * rng.uniform(0.9, 1.05)
    hair = np.array(HAIR[rng.integers(len(HAIR))]) * rng.uniform(0.8, 1.2)
    shoes = np.full(3, rng.choice([0.09, 0.14, 0.30, 0.80]))
    short_sleeves, style = rng.random() < 0.35, rng.random()
    parts: list[tuple[tuple[int, ...], int]] = [
        ((0,), FLESH),
        ((1, 10) if rng.random() < 0.4 else (1,), TOP),
        ((2, 3), FLESH),
        ((4, 5, 6, 7, 8, 9), SHIRT),
        ((8, 9, LEG, LEG + 5), TROUSERS),
    ]
    if style < 0.14:  # a skirt
        parts += [((8, 9, 13, 14, 15, 16), TROUSERS)]
    elif style < 0.32:  # a coat
        parts += [((7, 8, 9, 13, 14, 15, 16), SHIRT)]
    for side in (0, 1):
        arm, leg = ARM + 4 * side, LEG + 5 * side
        parts += [((arm, arm + 1), SHIRT), ((arm + 1, arm + 2), SLEEVE), ((arm + 3,), FLESH)]
        parts += [((leg, leg + 1), TROUSERS), ((leg + 1, leg + 2), STOCKING), ((leg + 3, leg + 4), SHOES)]
    bag = rng.random()
    if bag < 0.25:
        parts += [((11, 12), BAG)]
    elif bag < 0.5:
        parts += [((CASE, CASE + 1), BAG)]
    sleeve = skin if short_sleeves else cloth[0] * 0.95
    stocking = skin * 0.95 if style < 0.14 else cloth[1]
    paints = np.clip([cloth[0], cloth[1], skin, hair, shoes, cloth[2], sleeve, stocking], 0.03, 1.0)
    return Body(height=float(height), wide=float(rng.uniform(0.92, 1.12)), paints=paints, parts=tuple(parts))


def balls(body: Body, stride: float, speed: float) -> np.ndarray:
    """(N_BALLS, 4) right, up, ahead and radius in metres after `stride` metres at `speed` metres a second."""
    size = body.height / USUAL_HEIGHT
    phase, swing = 2 * math.pi * stride / (PACE * size), 0.46 * min(speed / 1.1, 1.0)
    found = np.empty((N_BALLS, 4))
    found[: len(STILL)] = STILL
    for side, at, leg, arm in ((-1.0, phase, LEG, ARM), (1.0, phase + math.pi, LEG + 5, ARM + 4)):
        hip, flex = swing * math.sin(at), 1.5 * swing * max(math.cos(at), 0.0) + 0.12 * swing
        knee = (0.90 - THIGH * math.cos(hip), THIGH * math.sin(hip))
        ankle = (knee[0] - SHANK * math.cos(hip - flex), knee[1] + SHANK * math.sin(hip - flex))
        found[leg : leg + 5] = (
            (side * 0.09, 0.90, 0.0, 0.088),
            (side * 0.09, *knee, 0.066),
            (side * 0.085, *ankle, 0.048),
            (side * 0.085, ankle[0] - 0.005, ankle[1] - 0.02, 0.048),
            (side * 0.10, ankle[0] - 0.02, ankle[1] + 0.15, 0.040),
        )
        back, bend = -0.75 * hip, 0.22 + 0.5 * swing
        elbow = (1.37 - UPPER_ARM * math.cos(back), UPPER_ARM * math.sin(back))
        wrist = (elbow[0] - FORE_ARM * math.cos(back + bend), elbow[1] + FORE_ARM * math.sin(back + bend))
        found[arm : arm + 4] = (
            (side * 0.215, 1.37, -0.01, 0.058),
            (side * 0.245, *elbow, 0.048),
            (side * 0.245, *wrist, 0.040),
            (side * 0.245, wrist[0] - 0.05, wrist[1] + 0.02, 0.045),
        )
    hand = found[ARM + 7, :3]
    found[CASE] = (hand[0] + 0.02, hand[1] - 0.20, hand[2] - 0.07, 0.10)
    found[CASE + 1] = (hand[0] + 0.02, hand[1] - 0.20, hand[2] + 0.10, 0.10)
    found[:, 1] += 0.045 - min(found[LEG + 2, 1], found[LEG + 7, 1])  # the lower foot is on the ground
    found[:, 3] *= body.wide
    return found * size
