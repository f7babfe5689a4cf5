"""Draw the frames of a clip, each with its exact maps.

In:  a world.
Out: `TrueFrame`s, in any order.

Numpy and OpenCV. Must not know: kinds of clips, files.

What stands still is drawn once. People and vehicles are sprites, farther ones first. The camera shakes by whole pixels,
so pictures and maps stay exact: all is drawn with a margin, and each frame is a cut-out.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from smalta.classes import ClassTree
from smalta.scenes.canvas import SCALE
from smalta.scenes.motion.backdrop import Backdrop, Exposure, develop, shade_share
from smalta.scenes.motion.bodies import Body
from smalta.scenes.motion.paths import Pose
from smalta.scenes.motion.sprites import Artist, Sprite
from smalta.scenes.motion.values import TrueFrame
from smalta.scenes.motion.world import Actor, World
from smalta.scenes.solids import footprint
from smalta.scenes.stage import MIN_PIXELS, may_hide, paint_order

MARGIN = 2  # pixels on each side that only a shaken camera sees
CONTACT = 0.34  # darkness of the ground right below a person
GRAINS = 48  # pixels by which a picture of noise is larger than a frame

Outlines = list[np.ndarray]


class Film:
    """A camera that has filmed a world; frames can be asked for in any order."""

    def __init__(self, world: World, tree: ClassTree, *, seed: int, fps: float, n_frames: int) -> None:
        rng = np.random.default_rng((seed, 3))
        height, width = world.camera.size_hw
        self.camera = replace(world.camera, size_hw=(height + 2 * MARGIN, width + 2 * MARGIN))
        exposure = Exposure(cast=world.light.cast, contrast=float(rng.uniform(0.88, 1.12)))
        self.backdrop: Backdrop = develop(world.stage(self.camera), exposure, rng)
        self._world, self._seed, self._fps = world, seed, fps
        self._nodes = {actor.number: tree[actor.node].id for actor in world.actors}
        self._artist = Artist(self.camera, world.light, exposure)
        self._shade = shade_share(world.light)
        self._blur = float(rng.uniform(0.35, 0.75)) * width / 640
        times = np.arange(n_frames) / fps
        self._gain, self._shake = _gains(rng, times, world.flicker), _shakes(rng, n_frames)
        noise = 127.5 + 255 * 0.75 * world.light.noise * rng.standard_normal((height + GRAINS, width + GRAINS, 3))
        self._noise = np.clip(noise + 0.5, 0, 255).astype(np.uint8)
        self._drawn: dict[int, tuple[Pose, Sprite | None, tuple[Outlines, Outlines]]] = {}

    def frame(self, number: int) -> TrueFrame:
        """The frame of this number, from 0."""
        time_s = number / self._fps
        there = [(actor, pose) for actor in self._world.actors if (pose := actor.motion.at(time_s)) is not None]
        picture, classes = self.backdrop.picture.copy(), self.backdrop.classes.copy()
        instances = np.zeros(classes.shape, dtype=np.int32)
        order, hidden_by = self._order(there)
        looks = [self._look(actor, pose) for actor, pose in there]
        for _, (under, cast) in looks:
            self._darken(picture, under, cast)
        for k in order:
            sprite, actor = looks[k][0], there[k][0]
            if sprite is not None:
                self._put(self._shown(sprite, hidden_by[k]), actor, picture, classes, instances)
        down, right = MARGIN + self._shake[number]
        height, width = self._world.camera.size_hw
        cut = (slice(down, down + height), slice(right, right + width))
        classes, instances = classes[cut].copy(), instances[cut].copy()
        seen = [
            actor.number
            for k, (actor, _) in enumerate(there)
            if _remains(looks[k][0], actor.number, classes, instances, (int(down), int(right)))
        ]
        return TrueFrame(
            number=number,
            time_s=time_s,
            picture=self._exposed(picture[cut], number),
            classes=classes,
            instances=instances,
            node_of={number: self._nodes[number] for number in seen},
        )

    def _order(self, there: list[tuple[Actor, Pose]]) -> tuple[list[int], np.ndarray]:
        """The order of drawing, and (n, things + 1) bool: which standing things hide whom."""
        n, still = len(there), self.backdrop.footprints
        hidden = np.zeros((n, len(still) + 1), dtype=bool)
        if not n:
            return [], hidden
        own = np.stack([footprint(p.x, p.z, p.yaw, actor.half_width, actor.ends) for actor, p in there])
        eye = self.camera.position[[0, 2]]
        hides = may_hide(np.concatenate([own, still]), eye)
        hidden[:, 1:] = hides[n:, :n].T & ~hides[:n, n:]
        return paint_order(own, eye), hidden

    def _look(self, actor: Actor, pose: Pose) -> tuple[Sprite | None, tuple[Outlines, Outlines]]:
        """The sprite and the shadows of an actor; those of the last frame if it has not moved."""
        before = self._drawn.get(actor.number)
        if before is not None and before[0] == pose:
            return before[1:]
        in_shadow = self._in_shadow(pose)
        if isinstance(actor.look, Body):
            sprite = self._artist.person(actor.look, pose, in_shadow=in_shadow)
            shadow = self._artist.person_shadow(actor.look, pose)
        else:
            sprite = self._artist.vehicle(actor.look, pose, in_shadow=in_shadow)
            shadow = self._artist.vehicle_shadow(actor.look, pose)
        if in_shadow:
            shadow = (shadow[0], [])
        self._drawn[actor.number] = (pose, sprite, shadow)
        return sprite, shadow

    def _in_shadow(self, pose: Pose) -> bool:
        seen = self.camera.to_camera(np.array([[pose.x, 0.0, pose.z]]))
        column, row = self.camera.to_cells(np.maximum(seen, (-np.inf, -np.inf, 1.0)))[0] // SCALE
        height, width = self.camera.size_hw
        if not (0 <= row < height and 0 <= column < width):
            return False
        return bool(self.backdrop.ground[row, column] and not self.backdrop.lit[row, column])

    def _darken(self, picture: np.ndarray, under: Outlines, cast: Outlines) -> None:
        """Lay the shadows of one actor on the ground."""
        if not under:
            return
        corners = np.concatenate([*under, *cast])
        height, width = self.camera.size_hw
        soft = max(1, round(0.06 * float(np.ptp(under[0][:, 0])))) * 2 + 1
        left, top = np.maximum(corners.min(axis=0) - soft, 0).tolist()
        right, bottom = np.minimum(corners.max(axis=0) + soft + 1, (width, height)).tolist()
        if left >= right or top >= bottom:
            return
        here = (slice(top, bottom), slice(left, right))
        dark = np.zeros((bottom - top, right - left), dtype=np.uint8)
        for outlines, strength, where in (
            (under, CONTACT, self.backdrop.ground),
            (cast, self._shade, self.backdrop.lit),
        ):
            layer = np.zeros_like(dark)
            for outline in outlines:
                cv2.fillConvexPoly(layer, outline - np.array([left, top], dtype=np.int32), round(255 * strength))
            layer = cv2.blur(layer, (soft, soft)) & where[here]
            dark = np.maximum(dark, layer)
        keep = cv2.merge([255 - dark] * 3)
        picture[here] = cv2.multiply(picture[here], keep, scale=1 / 255)

    def _shown(self, sprite: Sprite, hidden_by: np.ndarray) -> Sprite:
        """The part of a sprite that no standing thing hides."""
        if not hidden_by.any():
            return sprite
        (top, left), (height, width) = sprite.top_left, sprite.cells.shape[:2]
        rows = slice(top * SCALE, top * SCALE + height)
        hidden = hidden_by[self.backdrop.things[rows, left * SCALE : left * SCALE + width]]
        return sprite.without(hidden) if hidden.any() else sprite

    def _put(
        self, sprite: Sprite, actor: Actor, picture: np.ndarray, classes: np.ndarray, instances: np.ndarray
    ) -> None:
        color, cover, mask = sprite.pixels()
        (top, left), (height, width) = sprite.top_left, mask.shape
        here = (slice(top, top + height), slice(left, left + width))
        rest = cv2.multiply(picture[here], cv2.merge([255 - cover] * 3), scale=1 / 255)
        picture[here] = cv2.add(rest, color)
        classes[here][mask] = self._nodes[actor.number]
        instances[here][mask] = actor.number

    def _exposed(self, picture: np.ndarray, number: int) -> np.ndarray:
        """The picture through the lens, in the light of this frame, with noise."""
        height, width = picture.shape[:2]
        soft = cv2.GaussianBlur(picture, (5, 5) if self._blur > 0.6 else (3, 3), max(self._blur, 0.3))
        down, right = np.random.default_rng((self._seed, 4, number)).integers(0, GRAINS, 2)
        grain = self._noise[down : down + height, right : right + width]
        return np.asarray(cv2.addWeighted(soft, float(self._gain[number]), grain, 1.0, -127.5))


def _remains(
    sprite: Sprite | None, number: int, classes: np.ndarray, instances: np.ndarray, shift: tuple[int, int]
) -> bool:
    """Whether enough of an object is seen in the cut-out; else its pixels become unlabelled."""
    if sprite is None:
        return False
    top, left = sprite.top_left[0] - shift[0], sprite.top_left[1] - shift[1]
    bottom, right = top + sprite.cells.shape[0] // SCALE, left + sprite.cells.shape[1] // SCALE
    here = (slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0)))
    own = instances[here] == number
    count = int(np.count_nonzero(own))
    if 0 < count < MIN_PIXELS:
        classes[here][own], instances[here][own] = 0, 0
    return count >= MIN_PIXELS


def _gains(rng: np.random.Generator, times: np.ndarray, flicker: float) -> np.ndarray:
    """(n,) factors of brightness: slow changes, lamps that flicker, and a few short dips."""
    slow = rng.uniform(0.0, 0.05) * np.sin(2 * np.pi * (rng.uniform(0.04, 0.3) * times + rng.random()))
    lamps = rng.uniform(0.2, 1.0) * 0.02 * np.abs(np.sin(2 * np.pi * (rng.uniform(1.5, 6.0) * times + rng.random())))
    gain = 1 + flicker * (slow + lamps + 0.004 * rng.standard_normal(len(times)))
    for _ in range(int(rng.integers(0, 3))):
        start, length = rng.uniform(0, max(times[-1], 0.1)), rng.uniform(0.08, 0.3)
        gain[(times >= start) & (times < start + length)] *= 1 - flicker * rng.uniform(0.04, 0.12)
    return gain


def _shakes(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n, 2) pixels in -1..1, mostly 0."""
    rough = rng.standard_normal((n + 8, 2))
    smooth = np.stack([np.convolve(rough[:, axis], np.ones(5) / 5, mode="same")[:n] for axis in (0, 1)], axis=1)
    strong = rng.uniform(0.6, 1.4)
    return np.clip(np.rint(strong * smooth), -1, 1).astype(np.int64)
