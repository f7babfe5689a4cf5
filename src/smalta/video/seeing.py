"""See a frame: a network's maps become objects and the ground on cells, without fields of full size.

    picture --crop--> shown --network--> maps at the stride
        logits -> P(thing) of cells -> how many pixels of each cell may be a thing --+
        centre, offsets -------------------------------------------------------------+--group_cells--> Detections
        logits of stuff -----------------------------------decode--> Ground

In:  a model, frames.
Out: `Detections`, `Ground`; a `Segmentation` of full size only where one is asked for.

The objects are those of `smalta.inference.predictor.Predictor`, made by the same grouping, whose rule counts pixels. So
P(thing) is interpolated at the edges of things, and nowhere else.

The ground is stuff everywhere. Where an object hides it, it is the stuff that the network finds likeliest there: its
logits of stuff, without those of things. So an object's feet can be compared with the ground, whatever stands in front.

Must not know: how frames are read, which frames are seen, tracks, rules.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import sparse

from smalta.answers.decoding import USUAL, decode
from smalta.answers.fields import CENTER, LOGITS, OFFSETS, VALUE_LOGITS
from smalta.answers.grouping import group_cells
from smalta.answers.objects import leaf_probabilities
from smalta.answers.segmentation import Segmentation
from smalta.answers.upscaling import softmax
from smalta.inference.predictor import Predictor
from smalta.runtimes.protocol import Maps
from smalta.video.crop import Crop
from smalta.video.values import Detections, Ground

LOW = 0.2  # of the P(thing) that counts; where all cells around one are below it, no pixel reaches it


class Seer:
    """A model that sees frames.

    Args:
        predictor: the model.
        size_hw: of the frames, pixels.
        crop: what of a frame the network is shown; None for all of it at its own size.

    Attributes:
        cell: side of a cell, pixels of the frame: the network's stride times the reduction.
        has_objects: whether the model finds objects.
        crop: as given.

    Example:
        >>> seer = Seer(load("run"), size_hw=(64, 96))
        >>> found, ground = seer(open_dataset("scenes").split("test")[0].picture)
        >>> ground.classes.shape == (64 // seer.cell, 96 // seer.cell)
        True
    """

    def __init__(self, predictor: Predictor, *, size_hw: tuple[int, int], crop: Crop | None = None) -> None:
        self.crop = Crop.whole(size_hw) if crop is None else crop
        self._predictor, self._stride = predictor, predictor.runtime.stride
        self.cell = self._stride * self.crop.factor
        self.has_objects = predictor.info.network.objects
        self._is_thing = predictor.tree.is_thing[list(predictor.tree.leaves)]
        self._cells_hw = (-(-self.crop.shown_hw[0] // self._stride), -(-self.crop.shown_hw[1] // self._stride))
        self._last: tuple[np.ndarray, Maps] | None = None  # a frame, and its maps

    def __call__(self, picture: np.ndarray) -> tuple[Detections | None, Ground]:
        """Objects and ground of a frame; no objects (None) if the model finds none.

        Args:
            picture: (H, W, 3) uint8 RGB.

        Returns:
            Both on cells of the whole frame. Cells outside the crop hold no object, and their ground is 0.

        Raises:
            ShapeError: if the frame has another size.
        """
        maps, tree = self._maps(picture), self._predictor.tree
        logits = maps[LOGITS].astype(np.float32)
        if not self.has_objects:
            return None, self._ground(decode(tree, softmax(logits), self._predictor.with_threshold(USUAL)))
        found = self._objects(maps, logits)
        if self._is_thing.all():
            return found, self._ground(np.zeros(logits.shape[1:], dtype=np.uint16))
        logits[self._is_thing] = -np.inf
        return found, self._ground(decode(tree, softmax(logits)))

    def full(self, picture: np.ndarray) -> Segmentation:
        """The answer for the shown part of a frame at the size in which it is shown, as `Predictor` gives it.

        It takes no pass of the network if this frame was the last one seen.
        """
        return self._predictor.answer(self._maps(picture), self.crop.shown_hw, None, USUAL)

    def _maps(self, picture: np.ndarray) -> Maps:
        """The maps of the shown part; they may reach beyond it."""
        if self._last is None or self._last[0] is not picture:
            self._last = picture, self._predictor.maps(self.crop.cut(picture))
        return self._last[1]

    def _placed(self, cells: np.ndarray) -> np.ndarray:
        """The map of the whole frame from a map (h, w) of the shown part, which may reach beyond it."""
        height, width = self._cells_hw
        return self.crop.placed(np.ascontiguousarray(cells[:height, :width]), self.cell)

    def _ground(self, classes: np.ndarray) -> Ground:
        return Ground(classes=self._placed(classes), cell=self.cell)

    def _objects(self, maps: Maps, logits: np.ndarray) -> Detections:
        tree, rule, shown_hw = self._predictor.tree, self._predictor.info.grouping, self.crop.shown_hw
        cut = (slice(None), *map(slice, self._cells_hw))
        edges = pixels_of_things(logits, self._is_thing, rule.min_thing, self._stride, shown_hw)
        pixels, totals = (np.ascontiguousarray(plane[cut[1:]]) for plane in edges)
        owner, scores = group_cells(pixels, totals, maps[CENTER][0][cut[1:]], maps[OFFSETS][cut], self._stride, rule)
        means = _Means(owner, pixels, len(scores))
        values = {a.name: maps[VALUE_LOGITS][a.start : a.stop][cut].astype(np.float32) for a in tree.attributes}
        return Detections(
            instances=self._placed(mostly_covered(owner, pixels, self._stride, shown_hw)),
            cell=self.cell,
            size_hw=self.crop.size_hw,
            probabilities=leaf_probabilities(tree, means(softmax(logits[cut].copy())[self._is_thing])),
            scores=scores,
            attributes={name: means(softmax(planes)) for name, planes in values.items()},
        )


def pixels_of_things(
    logits: np.ndarray, is_thing: np.ndarray, least: float, stride: int, size_hw: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """How much of each cell may belong to an object, as if the logits were brought to full size.

    Inside and outside of things, all pixels of a cell are alike. At the edges of things the logits are interpolated.

    Args:
        logits: (L, h, w) float32 of the leaves; cells beyond the picture have no pixels.
        is_thing: (L,) bool.
        least: P(thing) of a pixel that may belong to an object.
        stride: side of a cell, pixels.
        size_hw: of the picture, pixels.

    Returns:
        (h, w) float32 pixels with at least that P(thing), and (h, w) float32 sums of P(thing) over them.
    """
    exponents = np.exp(logits - logits.max(axis=0))
    thing = exponents[is_thing].sum(axis=0) / exponents.sum(axis=0)
    around = np.ones((3, 3), np.uint8)
    edge = (cv2.dilate(thing, around) >= LOW * least) & (cv2.erode(thing, around) < 1 - LOW * (1 - least))
    rows, columns = (
        np.clip(side - stride * np.arange(n), 0, stride) for side, n in zip(size_hw, thing.shape, strict=True)
    )
    pixels = (rows[:, None] * columns * (thing >= least)).astype(np.float32)
    totals = thing * pixels
    y, x = np.nonzero(edge)
    fine = _interpolated(logits, is_thing, y, x, stride)
    inside = (np.arange(stride) < rows[y][:, None])[:, :, None] & (np.arange(stride) < columns[x][:, None])[:, None, :]
    counts = (fine >= least) & inside.reshape(len(y), stride * stride)
    pixels[y, x] = counts.sum(axis=1)
    totals[y, x] = (fine * counts).sum(axis=1)
    return pixels, totals


def _interpolated(logits: np.ndarray, is_thing: np.ndarray, y: np.ndarray, x: np.ndarray, stride: int) -> np.ndarray:
    """(N, stride * stride) P(thing) of the pixels of N cells, in reading order: the logits are interpolated linearly.

    Args:
        logits: (L, h, w).
        is_thing: (L,) bool.
        y, x: (N,) rows and columns of the cells.
        stride: side of a cell, pixels.
    """
    height, width = logits.shape[1:]
    place = (np.arange(stride) + 0.5) / stride - 0.5  # of a pixel from the middle of its cell, cells
    shares = np.maximum(1 - np.abs(place[:, None] - np.arange(-1, 2)), 0)  # (stride, 3) of the neighbours along an axis
    weights = np.einsum("ab,cd->acbd", shares, shares).reshape(stride * stride, 9).astype(np.float32)
    near_y = np.clip(y[:, None] + np.arange(-1, 2), 0, height - 1)
    near_x = np.clip(x[:, None] + np.arange(-1, 2), 0, width - 1)
    near = (near_y[:, :, None] * width + near_x[:, None, :]).reshape(len(y), 9)
    around = np.ascontiguousarray(logits.reshape(len(logits), -1).T)[near.T]  # (9, N, L)
    fine = (weights @ around.reshape(9, -1)).reshape(stride * stride, len(y), len(logits))
    np.exp(fine - fine.max(axis=(0, 2), keepdims=True), out=fine)
    return (fine @ is_thing.astype(np.float32) / fine.sum(axis=2)).T


def mostly_covered(owner: np.ndarray, pixels: np.ndarray, stride: int, size_hw: tuple[int, int]) -> np.ndarray:
    """(h, w) int32: the owners of cells of which an object covers at least half; each object keeps its fullest cells.

    Args:
        owner: (h, w) int32, 0 for no object.
        pixels: (h, w) float32: how many pixels of each cell its object covers.
        stride: side of a cell, pixels.
        size_hw: of the picture, pixels; cells may lie beyond it in part.
    """
    rows, columns = (
        np.clip(side - stride * np.arange(n), 0, stride) for side, n in zip(size_hw, owner.shape, strict=True)
    )
    fullest = np.zeros(int(owner.max(initial=0)) + 1, dtype=np.float32)
    np.maximum.at(fullest, owner, pixels)
    least = np.minimum(fullest[owner], rows[:, None] * columns / 2)
    return np.where(pixels >= least, owner, 0)


class _Means:
    """Means over the pixels of N objects.

    Args:
        owner: (h, w) int32 of cells, 0 for no object, 1..N.
        pixels: (h, w) float32: how many pixels of each cell its object covers.
        n: N.
    """

    def __init__(self, owner: np.ndarray, pixels: np.ndarray, n: int) -> None:
        self._used = np.flatnonzero(owner)
        weights, of = pixels.take(self._used), owner.take(self._used) - 1
        self._member = sparse.csr_matrix((weights, (of, np.arange(len(of)))), shape=(n, len(of)))
        self._areas = np.bincount(of, weights, n)[:, None]

    def __call__(self, planes: np.ndarray) -> np.ndarray:
        """(N, C) float32 of planes (C, h, w)."""
        values = planes.reshape(len(planes), -1)[:, self._used].T
        return (np.asarray(self._member @ values) / self._areas).astype(np.float32)
