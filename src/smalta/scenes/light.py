"""Time of day and weather: the effect of sun, sky and air on colours, and of lens and sensor on the picture.

In:  a seeded generator, colours of materials, the picture of a canvas.
Out: lit colours; the finished 8-bit picture.

Numpy and OpenCV. Must not know: classes, shapes, the objects of a scene.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

GAMMA = 2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """The light of one scene; colours are linear, red, green, blue.

    Attributes:
        sun: (3,) unit vector towards the sun; straight up if clouds hide it, so shadows are footprints.
        sun_color: (3,) light of the sun.
        ambient: (3,) light from all directions.
        sky_low: (3,) colour of the sky at the horizon, as seen (not linear), 0..1; far objects fade into it.
        sky_top: (3,) colour of the sky far above the horizon.
        clouds: share of clouds, 0..1.
        haze: how fast colours fade with distance, 1 / metre.
        lamps: strength of lamps and headlights; 0 if they are off.
        cast: (3,) factors of the camera's white balance.
        noise: standard deviation of the sensor's noise, 0..1.
        blur: standard deviation of the lens's blur in pixels at a width of 256.
    """

    sun: np.ndarray
    sun_color: np.ndarray
    ambient: np.ndarray
    sky_low: np.ndarray
    sky_top: np.ndarray
    clouds: float
    haze: float
    lamps: float
    cast: np.ndarray
    noise: float
    blur: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Light:
        """A random time of day and weather."""
        times = ("day", "low sun", "overcast", "fog", "dusk", "night")
        time = times[rng.choice(len(times), p=(0.34, 0.2, 0.2, 0.08, 0.09, 0.09))]
        elevation, sun, ambient, low, top, haze = {
            "day": ((35, 65), (1.0, 0.96, 0.88), (0.34, 0.39, 0.47), (0.78, 0.86, 0.94), (0.30, 0.52, 0.85), 0.001),
            "low sun": ((14, 28), (1.0, 0.74, 0.45), (0.30, 0.31, 0.40), (0.97, 0.80, 0.62), (0.45, 0.55, 0.78), 0.002),
            "overcast": (
                (90, 90),
                (0.22, 0.22, 0.22),
                (0.55, 0.57, 0.60),
                (0.80, 0.82, 0.84),
                (0.66, 0.69, 0.73),
                0.003,
            ),
            "fog": ((90, 90), (0.15, 0.15, 0.15), (0.60, 0.61, 0.62), (0.78, 0.79, 0.80), (0.74, 0.75, 0.77), 0.022),
            "dusk": ((90, 90), (0.05, 0.04, 0.05), (0.20, 0.18, 0.26), (0.80, 0.55, 0.48), (0.24, 0.25, 0.46), 0.003),
            "night": (
                (90, 90),
                (0.01, 0.01, 0.01),
                (0.085, 0.09, 0.125),
                (0.17, 0.15, 0.18),
                (0.05, 0.06, 0.11),
                0.003,
            ),
        }[time]
        height, turn = np.radians(rng.uniform(*elevation)), rng.uniform(0, 2 * np.pi)
        level = rng.uniform(0.75, 1.15)
        tint = rng.normal(1.0, 0.03, 3)
        return cls(
            sun=np.array([np.cos(height) * np.sin(turn), np.sin(height), np.cos(height) * np.cos(turn)]),
            sun_color=np.array(sun) * level,
            ambient=np.array(ambient) * level * rng.uniform(0.85, 1.15),
            sky_low=np.clip(np.array(low) * tint, 0, 1),
            sky_top=np.clip(np.array(top) * tint * rng.uniform(0.85, 1.15), 0, 1),
            clouds=float(rng.uniform(0.0, 0.8)),
            haze=haze * rng.uniform(0.6, 1.6),
            lamps={"dusk": 0.4, "night": 1.6}.get(time, 0.0),
            cast=rng.normal(1.0, 0.035, 3),
            noise=float(rng.uniform(0.006, 0.024) * (1.7 if time == "night" else 1.0)),
            blur=float(rng.uniform(0.2, 0.8)),
        )

    def shade(
        self,
        colors: np.ndarray,
        normals: np.ndarray,
        distance: np.ndarray,
        *,
        gloss: np.ndarray,
        in_shadow: np.ndarray,
        glow: np.ndarray,
    ) -> np.ndarray:
        """Colours of N materials as the camera sees them.

        Args:
            colors: (N, 3), 0..1, not linear.
            normals: (N, 3) unit vectors.
            distance: (N,) metres from the camera.
            gloss: (N,) share of the sky that is mirrored, 0..1.
            in_shadow: (N,) bool, whether they lie in shadow.
            glow: (N, 3) colours of their own light if the lamps are on, 0..1.

        Returns:
            (N, 3) float, 0..255.
        """
        around = self.ambient * (0.8 + 0.2 * normals[:, 1:2])
        direct = self.sun_color * (np.maximum(normals @ self.sun, 0.0) * ~in_shadow)[:, None]
        seen = np.clip(colors**GAMMA * (around + direct), 0, 1) ** (1 / GAMMA)
        mirror = (gloss * (0.55 + 0.45 * normals[:, 1]))[:, None]
        seen = seen * (1 - mirror) + self.sky_low * mirror
        if self.lamps:
            seen = np.maximum(seen, glow)
        fade = np.exp(-self.haze * distance)[:, None]
        return (seen * fade + self.sky_low * (1 - fade)) * 255


@cache
def texture() -> np.ndarray:
    """(512, 512) float32 cloudy noise with mean 0 and standard deviation 1 that repeats without a seam."""
    rng = np.random.default_rng(20)
    total = np.zeros((512, 512), dtype=np.float32)
    for cells, strength in ((8, 1.0), (16, 0.8), (32, 0.6), (128, 0.5), (512, 0.4)):
        coarse = rng.standard_normal((cells, cells), dtype=np.float32)
        padded = np.pad(coarse, 2, mode="wrap")
        step = 512 // cells
        fine = cv2.resize(padded, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        total += strength * fine[2 * step : -2 * step or None, 2 * step : -2 * step or None][:512, :512]
    return (total - total.mean()) / total.std()


def sky_picture(
    light: Light, size_hw: tuple[int, int], rows: int, horizon: float, rng: np.random.Generator
) -> np.ndarray:
    """(rows, W, 3) float32: sky and clouds for the upper rows of a picture; `horizon` is a row in pixels."""
    height, width = size_hw
    up = np.clip((horizon - np.arange(rows, dtype=np.float32)) / np.float32(0.7 * height), 0, 1)[:, None, None]
    low, top = light.sky_low.astype(np.float32), light.sky_top.astype(np.float32)
    clear = low + (top - low) * up
    x = np.linspace(0, 192, width, dtype=np.float32) + np.float32(rng.uniform(0, 300))
    y = np.linspace(0, 256 * rows / height, rows, dtype=np.float32) + np.float32(rng.uniform(0, 240))
    columns, row_places = np.meshgrid(x, y)
    cover = cv2.remap(texture(), columns, row_places, cv2.INTER_LINEAR)
    cover = np.clip((cover + np.float32(2.4 * light.clouds - 1.4)) * np.float32(0.6), 0, 0.85)
    return clear + (np.minimum(low * np.float32(1.06), 1) - clear) * cover[..., None]


def ground_texture(ground: tuple[np.ndarray, np.ndarray, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """(H, W) float32 with standard deviation about 1: stains and grain on the ground, in perspective."""
    x, z, reach = ground
    total = np.zeros(x.shape, dtype=np.float32)
    for per_metre, strength in ((7.0, 0.7), (70.0, 0.8)):
        shift_x, shift_z = rng.uniform(0, 512, 2).astype(np.float32)
        # remap accepts coordinates below 2^15; the texture repeats, so coordinates are taken modulo its size
        columns, rows = (
            np.mod(x * np.float32(per_metre) + shift_x, 512),
            np.mod(z * np.float32(per_metre) + shift_z, 512),
        )
        grain = cv2.remap(texture(), columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        total += grain * np.minimum(np.float32(500.0 / per_metre) / reach, 1) * np.float32(strength)
    return total


def photograph(picture: np.ndarray, light: Light, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) float32 colours 0..1 as lens and sensor give them: white balance, vignette, blur, noise, 8 bits."""
    height, width = picture.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    contrast, darker = np.float32(rng.uniform(0.85, 1.15)), np.float32(rng.uniform(0.0, 0.16))
    sharp = picture * (1 - darker * (x * x + y * y))[..., None]
    sharp *= light.cast.astype(np.float32) * contrast
    seen: np.ndarray = cv2.GaussianBlur(sharp, (0, 0), light.blur * width / 256)
    seen += np.float32(0.5) * (1 - contrast)
    grain = rng.standard_normal(picture.shape, dtype=np.float32)
    grain *= np.float32(light.noise)
    seen += grain * (np.float32(0.5) + np.clip(seen, 0, 1))
    seen *= 255
    seen += np.float32(0.5)
    return np.clip(seen, 0, 255).astype(np.uint8)
