"""Boundary IoU: whether the contours agree, which plain IoU hardly sees on large regions.

In:  label maps, 0 = no statement, 1..K = class.
Out: (K, 3) counts of band pixels, for `smalta.metrics.semantic.iou`.

Must not know: class trees, files, networks.

After Cheng et al. 2021 (Boundary IoU): of a class count only its pixels within a distance d of its contour, in the
truth and in the prediction; the edge of the picture is contour too. Distance is in king's moves, as in their code.
All classes share one band: a pixel lies in its own class's band if any pixel within d has another label. So the
cost depends neither on the number of classes nor on d.
"""

from __future__ import annotations

import math

import cv2
import numpy as np


def boundary_distance(size_hw: tuple[int, int], share: float = 0.02) -> int:
    """Width of the band in pixels: a share of the picture's diagonal, at least 1."""
    return max(1, round(share * math.hypot(*size_hw)))


def boundary_band(labels: np.ndarray, distance: int) -> np.ndarray:
    """Pixels that have another label, or the outside of the picture, within a distance.

    Args:
        labels: (H, W) uint16.
        distance: in king's moves (8-connected steps), at least 1.

    Returns:
        (H, W) bool; exact for labels above 0. A 0 at the picture's edge is no contour.
    """
    neighbours = np.ones((3, 3), np.uint8)
    lowest = cv2.erode(labels, neighbours, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    inside = lowest == cv2.dilate(labels, neighbours)
    # A pixel whose nearest other label is n moves away is n - 1 moves from the last pixel of its own label.
    return cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_C, 3) < distance


def boundary_counts(truth: np.ndarray, prediction: np.ndarray, n_classes: int, distance: int) -> np.ndarray:
    """Band pixels per class of one picture.

    What was predicted on unlabelled pixels makes no contour: there the prediction is taken as unlabelled too, so
    a prediction that is right wherever there is a truth has every contour right.

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
