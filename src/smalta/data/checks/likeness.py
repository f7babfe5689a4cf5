"""Find pictures that show the same, even if turned, mirrored, rescaled or compressed again.

In:  pictures.
Out: `Likeness`, a few kilobytes per picture, and pairs that are alike.

A perceptual hash of 63 signs of cosine coefficients finds candidates fast. The correlation of small copies without
shading confirms them, because the coarse coefficients of dark microscope fields or evenly lit surfaces always agree.
On real sets the correlation of different pictures is at most 0.7. The correlation of a picture and its copy after JPEG
at quality 50, halving, brightening or noise is at least 0.86.

Must not know: data sets, splits, rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

HASH_DISTANCE = 12  # of 63 bits
CORRELATION = 0.75
_SIDE = 64
_COEFFICIENTS = 8
_SHADING = 4.0  # standard deviation of the blur that is subtracted as shading, in pixels of the small copy
_ONES = np.array([value.bit_count() for value in range(2**16)], dtype=np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """The features of a picture by which it is compared with others.

    Attributes:
        coefficients: (8, 8) float32, the lowest cosine coefficients.
        detail: (64, 64) float16, the small copy without shading, of mean 0 and norm 1; all 0 for a uniform picture.
        colors: digest of the histogram of every channel; turning and mirroring do not change it.
    """

    coefficients: np.ndarray
    detail: np.ndarray
    colors: bytes


def likeness(picture: np.ndarray) -> Likeness:
    """The features of a picture (H, W, 3) uint8."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    detail = small - cv2.GaussianBlur(small, (0, 0), _SHADING)
    detail -= detail.mean()
    norm = float(np.linalg.norm(detail))
    histograms = [np.bincount(picture[..., channel].ravel(), minlength=256) for channel in range(3)]
    return Likeness(
        coefficients=cv2.dct(cv2.resize(small, (32, 32), interpolation=cv2.INTER_AREA))[:_COEFFICIENTS, :_COEFFICIENTS],
        detail=(detail / norm if norm > 1.0 else np.zeros_like(detail)).astype(np.float16),
        colors=hashlib.blake2b(np.stack(histograms).tobytes(), digest_size=16).digest(),
    )


def alike(first: Sequence[Likeness], second: Sequence[Likeness]) -> Iterator[tuple[int, int]]:
    """Pairs (i, j) such that first[i] and second[j] show the same, in any of the eight turned and mirrored versions.

    Every picture of `first` is compared with every picture of `second`.
    """
    if not second:
        return
    turned = np.stack([_signs(variant) for one in second for variant in turns(one.coefficients, frequencies=True)])
    for i, one in enumerate(first):
        differing = np.bitwise_xor(_signs(one.coefficients), turned)
        near = np.flatnonzero(_ONES[differing].sum(axis=1) <= HASH_DISTANCE)
        for j in np.unique(near // 8):
            variants = turns(second[j].detail.astype(np.float32))
            if any(float((one.detail * variants[k % 8]).sum()) >= CORRELATION for k in near[near // 8 == j]):
                yield i, int(j)


def turns(array: np.ndarray, *, frequencies: bool = False) -> list[np.ndarray]:
    """The eight turned and mirrored versions of an array (H, W, ...), or of its cosine coefficients.

    Mirroring a picture flips the sign of its odd coefficients along that axis.
    """
    found = []
    for base in (array, array.swapaxes(0, 1)):
        for down, across in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            if frequencies:
                powers = np.arange(len(base)) % 2
                found.append(base * (np.float32(down) ** powers)[:, None] * np.float32(across) ** powers)
            else:
                found.append(base[::down, ::across])
    return found


def same_pixels(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two pictures (H, W, 3) are equal pixel for pixel in one of the eight versions."""
    return any(np.array_equal(first, variant) for variant in turns(second))


def _signs(coefficients: np.ndarray) -> np.ndarray:
    """(4,) uint16: one bit per coefficient, set if it is positive; the bit of the first, the mean, is 0."""
    bits = (coefficients > 0).ravel()
    bits[0] = False
    return np.packbits(bits).view(np.uint16)
