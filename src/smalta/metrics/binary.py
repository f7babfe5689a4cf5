"""Scores of two classes: precision, recall and F1 of the positive class, and the best threshold.

In:  label maps of a two-leaf tree, 0 = unlabelled, 1 = negative, 2 = positive, and P(positive).
Out: (4,) counts per picture, scores from summed counts, a threshold.

Must not know: class trees, files, networks.

The second leaf is positive, because people list the background first.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from smalta.metrics.semantic import ratio

NEGATIVE = 1
POSITIVE = 2


def binary_counts(labels: np.ndarray, predicted: np.ndarray, tolerance: float = 0.0) -> np.ndarray:
    """Counts of one picture, with a tolerance for labels that are drawn a little beside the object.

    Args:
        labels: (H, W) unsigned integers, 0 = unlabelled (does not count), 1 = negative, 2 = positive.
        predicted: (H, W) bool, whether the positive class is predicted.
        tolerance: in pixels (Euclidean). A predicted pixel is right if a true pixel is within this distance, and a true
            pixel is found if a predicted pixel is. 0 is the strict measure.

    Returns:
        (4,) int64: predicted pixels that are right, predicted pixels, true pixels that are found, true pixels.
    """
    true = labels == POSITIVE
    predicted = predicted & (labels != 0)
    right = predicted & _grown(true, tolerance)
    found = true & _grown(predicted, tolerance)
    return np.array([np.count_nonzero(mask) for mask in (right, predicted, found, true)])


def _grown(mask: np.ndarray, radius: float) -> np.ndarray:
    """(H, W) bool: pixels with a pixel of the mask within the radius."""
    reach = int(radius)
    if reach == 0:
        return mask
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disk = (y * y + x * x <= radius * radius).astype(np.uint8)
    return cv2.dilate(mask.view(np.uint8), disk).view(bool)


def precision(counts: np.ndarray) -> np.ndarray:
    """Share of the predicted pixels that are right: (..., 4) counts to (...), nan if no pixel is predicted."""
    return ratio(counts[..., 0], counts[..., 1])


def recall(counts: np.ndarray) -> np.ndarray:
    """Share of the true pixels that are found: (..., 4) counts to (...), nan if no pixel is true."""
    return ratio(counts[..., 2], counts[..., 3])


def f1(counts: np.ndarray) -> np.ndarray:
    """Harmonic mean of precision and recall: (..., 4) counts to (...), nan if no pixel is true.

    The formula is 2 / (predicted/right + true/found), which is 0 if no pixel is predicted.
    """
    right, predicted, found, true = np.moveaxis(counts.astype(np.float64), -1, 0)
    score = ratio(2 * right * found, predicted * found + true * right)
    return np.where(true > 0, np.where(found > 0, score, 0.0), np.nan)


def binary_iou(counts: np.ndarray) -> np.ndarray:
    """Intersection over union from strict counts: (..., 4) to (...), nan if no pixel is true."""
    right, predicted, _, true = np.moveaxis(counts, -1, 0)
    return np.where(true > 0, ratio(right, predicted + true - right), np.nan)


class ThresholdChooser:
    """Finds the threshold on P(positive) with the best F1, in memory that does not grow with the pictures.

    P is counted in equal bins. The candidates are the bins' lower ends, where the counts are exact.

    Args:
        n_bins: number of bins; with a power of two the thresholds are exact in every float type.
    """

    def __init__(self, n_bins: int = 256) -> None:
        self._counts = np.zeros((3, n_bins), dtype=np.int64)

    def add(self, probability: np.ndarray, labels: np.ndarray) -> None:
        """Add one picture or batch.

        Args:
            probability: (...) float P(positive) in [0, 1].
            labels: (...) unsigned integers of the same shape, 0 = unlabelled, 1 = negative, 2 = positive.
        """
        n_bins = self._counts.shape[1]
        bins = np.clip(probability * n_bins, 0, n_bins - 1).astype(np.intp)
        self._counts += np.bincount((labels.astype(np.intp) * n_bins + bins).ravel(), minlength=3 * n_bins).reshape(
            3, n_bins
        )

    def best(self) -> float | None:
        """The threshold t in (0, 1) for which P >= t has the best F1 over all pixels added.

        If several are equally good, the middle one. None if no pixel is positive, because F1 is then not defined.
        """
        true = self._counts[POSITIVE].sum()
        if true == 0:
            return None
        right = self._counts[POSITIVE, ::-1].cumsum()[::-1]
        predicted = right + self._counts[NEGATIVE, ::-1].cumsum()[::-1]
        scores = 2 * right[1:] / (predicted[1:] + true)  # without threshold 0, which predicts everything
        best = np.flatnonzero(scores == scores.max()) + 1
        return float(best[len(best) // 2] / self._counts.shape[1])


def choose_threshold(probabilities: Iterable[np.ndarray], truths: Iterable[np.ndarray]) -> float | None:
    """The threshold on P(positive) with the best F1 over all pixels of some pictures.

    Args:
        probabilities: per picture, (H, W) float P(positive) in [0, 1].
        truths: per picture, (H, W) unsigned integers, 0 = unlabelled, 1 = negative, 2 = positive.

    Returns:
        The threshold, in (0, 1), or None if no pixel is positive.
    """
    chooser = ThresholdChooser()
    for probability, labels in zip(probabilities, truths, strict=True):
        chooser.add(probability, labels)
    return chooser.best()
