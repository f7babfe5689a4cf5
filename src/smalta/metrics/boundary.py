"""Boundary IoU: whether contours agree, which has little effect on the plain IoU of large regions.

In:  label maps, 0 = unlabelled or no answer, 1..K = class.
Out: (K, 3) counts of band pixels, for `smalta.metrics.semantic.iou`.

Must not know: class trees, files, networks.

After Cheng et al. 2021 (Boundary IoU): only pixels of a class within a distance d of its contour count, in the truth
and in the prediction. The edge of the picture is part of the contour. Distance is the Chebyshev distance (king's
moves), as in their code. All classes share one band: a pixel is in the band of its own class if any pixel within d has
another label. So the cost depends neither on the number of classes nor on d.
"""

from __future__ import annotations

import math

import cv2
import numpy as np


def boundary_distance(size_hw: tuple[int, int], share: float = 0.02) -> int:
    """Width of the band in pixels: a share of the picture's diagonal, at least 1."""
    return max(1, round(share * math.hypot(*size_hw)))


def boundary_band(labels: np.ndarray, distance: int) -> np.ndarray:
    """Pixels with another label, or the outside of the picture, within a distance.

    Args:
        labels: (H, W) uint16.
        distance: Chebyshev distance (8-connected steps), at least 1.

    Returns:
        (H, W) bool; exact for labels above 0. For a 0 the edge of the picture is not a contour.
    """
    neighbours = np.ones((3, 3), np.uint8)
    lowest = cv2.erode(labels, neighbours, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    inside = lowest == cv2.dilate(labels, neighbours)
    # If the nearest other label is n steps away, the last pixel with the same label is n - 1 steps away.
    return cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_C, 3) < distance


def boundary_counts(truth: np.ndarray, prediction: np.ndarray, n_classes: int, distance: int) -> np.ndarray:
    """Band pixels per class of one picture.

    On unlabelled pixels the prediction counts as unlabelled too. So predictions there make no contour, and a prediction
    that is right on all labelled pixels has only right contours.

    Args:
        truth: (H, W) unsigned integers, 1..K = class, 0 = unlabelled.
        prediction: (H, W) unsigned integers, 1..K = class, 0 = no answer.
        n_classes: K.
        distance: width of the band in pixels.

    Returns:
        (K, 3) int64: pixels in both bands, in the truth's band, in the prediction's band.
    """
    truth = truth.astype(np.uint16, copy=False)
    prediction = np.where(truth == 0, 0, prediction).astype(np.uint16, copy=False)
    in_truth = np.where(boundary_band(truth, distance), truth, 0)
    in_prediction = np.where(boundary_band(prediction, distance), prediction, 0)
    in_both = np.where(in_truth == in_prediction, in_truth, 0)
    bands = (in_both, in_truth, in_prediction)
    return np.stack([np.bincount(band.ravel(), minlength=n_classes + 1)[1:] for band in bands], axis=-1)
