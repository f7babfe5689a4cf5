"""What pictures of flat things share: clouded texture, uneven light, lens and sensor.

In:  a seeded generator, sizes in pixels.
Out: textures; the finished 8-bit picture.

Numpy and OpenCV. Must not know: what is in the picture.
"""

from __future__ import annotations

import cv2
import numpy as np

from smalta.scenes.light import texture

SCALE = 3  # cells per pixel and axis where shapes are drawn; odd, so that a pixel has a middle cell


def clouds(rng: np.random.Generator, size_hw: tuple[int, int], grain: float) -> np.ndarray:
    """(H, W) float32 cloudy noise with standard deviation about 1.

    Args:
        rng: places the noise.
        size_hw: of the picture in pixels.
        grain: size of its finest grains in pixels; its coarsest clouds are 64 times as large.
    """
    shift_y, shift_x = rng.uniform(0, 512, 2)
    rows = np.mod(np.arange(size_hw[0]) / grain + shift_y, 512).astype(np.float32)
    columns = np.mod(np.arange(size_hw[1]) / grain + shift_x, 512).astype(np.float32)
    across, down = np.meshgrid(columns, rows)
    return cv2.remap(texture(), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def uneven_light(rng: np.random.Generator, size_hw: tuple[int, int], strength: float) -> np.ndarray:
    """(H, W) float32 factors around 1: light that falls from one side, and a soft spot.

    Args:
        rng: places side and spot.
        size_hw: of the picture in pixels.
        strength: of the differences, 0..1.
    """
    y = np.linspace(-1, 1, size_hw[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, size_hw[1], dtype=np.float32)[None, :]
    turn, (spot_y, spot_x) = rng.uniform(0, 2 * np.pi), rng.uniform(-0.8, 0.8, 2)
    slope = np.float32(np.cos(turn)) * x + np.float32(np.sin(turn)) * y
    spot = np.exp(-((y - np.float32(spot_y)) ** 2 + (x - np.float32(spot_x)) ** 2) / np.float32(0.5))
    return 1 + np.float32(strength) * (np.float32(0.45) * slope + np.float32(0.6) * (spot - np.float32(0.4)))


def cover(cells: np.ndarray) -> np.ndarray:
    """(H, W) float32 in 0..1: the share of each pixel that a shape covers.

    Args:
        cells: (H * SCALE, W * SCALE) uint8, 255 inside the shape.
    """
    height, width = cells.shape
    small = cv2.resize(cells, (width // SCALE, height // SCALE), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255


def sensor(picture: np.ndarray, rng: np.random.Generator, *, blur: float, noise: float) -> np.ndarray:
    """(H, W, 3) uint8: the picture through a lens and on a sensor whose noise grows with the light.

    Args:
        picture: (H, W, 3) float32 colours, 0..1.
        rng: draws the noise.
        blur: standard deviation in pixels, 0 = sharp.
        noise: standard deviation of the noise at full light, 0..1.
    """
    seen = cv2.GaussianBlur(picture, (0, 0), blur) if blur > 0 else picture.copy()
    grain = rng.standard_normal(seen.shape[:2], dtype=np.float32)[..., None]
    colored = rng.standard_normal(seen.shape, dtype=np.float32)
    seen += (
        np.float32(noise)
        * (np.float32(0.8) * grain + np.float32(0.4) * colored)
        * np.sqrt(np.clip(seen, np.float32(0.05), 1))
    )
    return np.clip(seen * 255 + np.float32(0.5), 0, 255).astype(np.uint8)
