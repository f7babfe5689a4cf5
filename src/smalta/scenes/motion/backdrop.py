"""The part of a clip that does not move: drawn once, with what may hide the people and vehicles that move in it.

In:  a stage with all that stands still.
Out: `Backdrop`.

Numpy and OpenCV. Must not know: people, vehicles, time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smalta.scenes.canvas import SCALE, SHADOW
from smalta.scenes.light import Light, ground_texture
from smalta.scenes.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How the camera renders colours.

    Attributes:
        cast: (3,) factors of the white balance.
        contrast: factor around middle grey.
    """

    cast: np.ndarray
    contrast: float

    def __call__(self, colors: np.ndarray) -> np.ndarray:
        """(..., 3) colours 0..255 as the camera gives them."""
        return np.asarray(colors * (self.cast * self.contrast) + 127.5 * (1 - self.contrast))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backdrop:
    """What stands still, before lens and sensor.

    Attributes:
        picture: (H, W, 3) uint8.
        classes: (H, W) uint16 node ids.
        things: (H * SCALE, W * SCALE) uint16; 1.. = the standing thing that a cell shows, 0 = ground.
        footprints: (N, 4, 2) metres, of all things that are seen; row i is thing i + 1.
        ground: (H, W) uint8, 255 where the ground is seen.
        lit: (H, W) uint8, 255 where the ground is seen and lies in no shadow.
    """

    picture: np.ndarray
    classes: np.ndarray
    things: np.ndarray
    footprints: np.ndarray
    ground: np.ndarray
    lit: np.ndarray


def develop(stage: Stage, exposure: Exposure, rng: np.random.Generator) -> Backdrop:
    """Paint a stage whose models are all placed as countable."""
    canvas, light = stage.canvas, stage.canvas.light
    stage.paint()
    shot = canvas.develop()
    reach = canvas.camera.ground()
    rough = np.float32(0.03) * rng.standard_normal(shot.grain.shape, dtype=np.float32)
    picture = shot.color * (1 + shot.grain * ground_texture(reach, rng) + rough)[..., None]
    fade = np.where(shot.grain > 0, np.exp(-np.float32(light.haze) * reach[2]), 1)[..., None]
    picture = picture * fade + light.sky_low.astype(np.float32) * (1 - fade)
    height, width = picture.shape[:2]
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    picture *= (1 - 0.06 * (x * x + y * y))[..., None]
    ground = shot.instances == 0
    in_shadow = (canvas.parts[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE] & np.uint16(SHADOW)) > 0
    things = canvas.thing_cells()
    seen = np.flatnonzero(np.bincount(things.ravel()))
    seen = seen[seen > 0]
    number = np.zeros(int(things.max()) + 1, dtype=np.uint16)
    number[seen] = np.arange(1, len(seen) + 1)
    return Backdrop(
        picture=np.clip(exposure(picture * 255) + 0.5, 0, 255).astype(np.uint8),
        classes=shot.classes,
        things=number[things],
        footprints=stage.footprints()[seen - 1],
        ground=np.where(ground, np.uint8(255), np.uint8(0)),
        lit=np.where(ground & ~in_shadow, np.uint8(255), np.uint8(0)),
    )


def shade_share(light: Light) -> float:
    """How much darker the ground is in a shadow than beside it, 0..1."""
    grey, up, none = np.full((2, 3), 0.5), np.tile((0.0, 1.0, 0.0), (2, 1)), np.zeros((2, 3))
    in_light, in_shadow = light.shade(
        grey, up, np.zeros(2), gloss=np.zeros(2), in_shadow=np.array([False, True]), glow=none
    )
    return float(1 - in_shadow.mean() / in_light.mean())
