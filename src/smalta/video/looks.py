"""What a picture looks like, as a vector: pictures that look alike lie near each other.

In:  pictures; a model, if there is one.
Out: vectors, and how sharp a picture is.

A vector has a block for each cell of a coarse grid. A block holds shares that sum to 1: of colours, of edges, of
classes. Colours are taken beside the usual colour of the picture, so that a camera that adapts its exposure makes no
new scene; the usual colour itself counts once. Two pictures that have little in common are about 1 apart.

Must not know: videos, files.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from smalta.answers.fields import LOGITS
from smalta.answers.upscaling import softmax
from smalta.inference.predictor import Predictor

GRID_HW = (4, 6)
_SIDE = 24  # of a cell, pixels of the reduced picture
_SHADES = 7  # of each of three channels of colour; odd, so that grey is one of them
_TURNS = 6  # directions of edges
_FAINT = 16.0  # grey levels: an edge of this height counts as half an edge
_RANGE = np.array([128.0, 64.0, 64.0])  # larger differences from the usual colour count as this one, 8-bit Lab
_USUAL = 0.4  # how far apart a black and a white picture are
_CELLS = GRID_HW[0] * GRID_HW[1]
_CELL = np.add.outer(
    np.arange(GRID_HW[0] * _SIDE) // _SIDE * GRID_HW[1], np.arange(GRID_HW[1] * _SIDE) // _SIDE
).ravel()  # of each pixel of the reduced picture


def sharpness(picture: np.ndarray) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000) over that of the grey picture; 0 for a single colour.

    The second makes it the same in dim light. It depends on what is shown: compare pictures of one scene only.

    Args:
        picture: (H, W, 3) uint8 RGB.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var() / (grey.var() + 1))


def look(picture: np.ndarray) -> np.ndarray:
    """Light, colours and edges of a picture.

    Args:
        picture: (H, W, 3) uint8 RGB, of any size.

    Returns:
        (675,) float64. Noise moves it by about 0.02, a person in a hundredth of the picture by more.
    """
    size_wh = GRID_HW[1] * _SIDE, GRID_HW[0] * _SIDE
    lab = cv2.cvtColor(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB).astype(np.float64)
    usual = np.median(lab, axis=(0, 1))
    beside = ((lab - usual) / _RANGE).clip(-1, 1) / 2 + 0.5
    parts = [*(_shades(beside[..., channel]) for channel in range(3)), _edges(lab[..., 0])]
    return np.concatenate([_scaled(parts), _USUAL * usual / 255])


def seen_by(predictor: Predictor) -> Callable[[np.ndarray], np.ndarray]:
    """A function like `look` that also asks which classes a model sees in each cell, each with half of the weight."""

    def seen(picture: np.ndarray) -> np.ndarray:
        logits = predictor.maps(picture)[LOGITS].astype(np.float32)  # a copy: softmax works in place
        softmax(logits)
        shares = _pooled(logits).reshape(len(logits), _CELLS).T
        return np.concatenate([look(picture), _scaled([shares])]) / np.sqrt(2)

    return seen


def _scaled(parts: list[np.ndarray]) -> np.ndarray:
    """One vector of several (cells, bins), each with shares that sum to 1 over the bins."""
    return np.concatenate([part.ravel() for part in parts]) / np.sqrt(2 * len(parts) * _CELLS)


def _shades(values: np.ndarray) -> np.ndarray:
    """(cells, shades) shares of values in 0..1; a value between two shades counts for both, so that none flips."""
    place = values.ravel() * (_SHADES - 1)
    lower = np.minimum(place.astype(np.int64), _SHADES - 2)
    return _binned(lower, lower + 1, place - lower, _SHADES)


def _edges(light: np.ndarray) -> np.ndarray:
    """(cells, directions + 1) shares of edges by direction; the last is what is no edge."""
    across, down = (cv2.Sobel(light, cv2.CV_64F, *order, ksize=3) / 8 for order in ((1, 0), (0, 1)))
    strength = np.hypot(across, down).ravel()
    strength /= strength + _FAINT
    place = np.arctan2(down, across).ravel() % np.pi / np.pi * _TURNS
    lower = place.astype(np.int64) % _TURNS
    shares = _binned(lower, (lower + 1) % _TURNS, place % 1, _TURNS, strength)
    return np.concatenate([shares, 1 - shares.sum(axis=1, keepdims=True).clip(0, 1)], axis=1)


def _binned(
    lower: np.ndarray, upper: np.ndarray, part: np.ndarray, n_bins: int, weights: np.ndarray | float = 1.0
) -> np.ndarray:
    """(cells, bins): each pixel counts for two bins, the upper one by its part, divided by the pixels of a cell."""
    size = _CELLS * n_bins
    counts = np.bincount(_CELL * n_bins + lower, (1 - part) * weights, size)
    counts += np.bincount(_CELL * n_bins + upper, part * weights, size)
    return counts.reshape(_CELLS, n_bins) / _SIDE**2


def _pooled(maps: np.ndarray) -> np.ndarray:
    """(L, h, w) to means over the cells of the grid, (L, 4, 6); maps may be smaller than the grid."""
    down, across = (_shares(n, length) for n, length in zip(GRID_HW, maps.shape[1:], strict=True))
    return np.einsum("ih,lhw,jw->lij", down, maps.astype(np.float64), across, optimize=True)


def _shares(n: int, length: int) -> np.ndarray:
    """(n, length): which share of a cell each of `length` values covers; rows sum to 1."""
    edges = np.linspace(0, length, n + 1)
    values = np.arange(length)
    covered = np.minimum(edges[1:, None], values + 1) - np.maximum(edges[:-1, None], values)
    return covered.clip(0) * (n / length)
