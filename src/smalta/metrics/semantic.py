"""How well a class map agrees with its truth: confusion matrix, IoU, Dice and accuracy.

In:  label maps, 0 = unlabelled or no answer, 1..K = class.
Out: a confusion matrix, and (..., K, 3) counts; every score is a function of these counts.

Pure numpy. Must not know: class trees, files, networks.

Counts add up: the counts of a split are the sum over its pictures, and a resampled split is a weighted sum. So each
score takes counts with any leading axes. A class without labelled pixels scores nan and is in no mean, even if it was
predicted: such predictions lower the scores of the classes that are labelled there.
"""

from __future__ import annotations

import numpy as np

from smalta.errors import ShapeError


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Numerator / denominator as float64; nan if the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator != 0)


def confusion(truth: np.ndarray, prediction: np.ndarray, n_classes: int) -> np.ndarray:
    """Confusion matrix of one picture.

    Args:
        truth: (H, W) unsigned integers, 1..K = class, 0 = unlabelled; unlabelled pixels do not count.
        prediction: (H, W) unsigned integers, 1..K = class, 0 = no answer, which is wrong on every labelled pixel.
        n_classes: K.

    Returns:
        (K, K + 1) int64, rows = truth, columns = prediction; the last column counts pixels without an answer.

    Raises:
        ShapeError: if the maps differ in shape or hold a number above K.

    Example:
        >>> confusion(np.array([[1, 1, 2, 0]], np.uint8), np.array([[1, 2, 0, 1]], np.uint8), 2).tolist()
        [[1, 1, 0], [0, 0, 1]]
    """
    if truth.shape != prediction.shape:
        raise ShapeError(f"truth and prediction must have the same shape, got {truth.shape} and {prediction.shape}")
    largest = max(int(truth.max(initial=0)), int(prediction.max(initial=0)))
    if largest > n_classes:
        raise ShapeError(f"label maps of {n_classes} classes must lie in 0..{n_classes}, got {largest}")
    side = n_classes + 1
    pairs = truth.astype(np.intp) * side + prediction
    matrix = np.bincount(pairs.ravel(), minlength=side * side).reshape(side, side)
    return np.roll(matrix[1:], -1, axis=1)


def counts_of(matrix: np.ndarray) -> np.ndarray:
    """Counts per class of confusion matrices.

    Args:
        matrix: (..., K, K + 1) as from `confusion`.

    Returns:
        (..., K, 3): right pixels, pixels of the class in the truth, pixels predicted as the class.
    """
    right = np.diagonal(matrix, axis1=-2, axis2=-1)
    return np.stack([right, matrix.sum(axis=-1), matrix[..., :-1].sum(axis=-2)], axis=-1)


def iou(counts: np.ndarray) -> np.ndarray:
    """Intersection over union per class: (..., K, 3) counts to (..., K), nan for classes absent from the truth."""
    right, truth, predicted = np.moveaxis(counts, -1, 0)
    return np.where(truth > 0, ratio(right, truth + predicted - right), np.nan)


def dice(counts: np.ndarray) -> np.ndarray:
    """Dice, which is F1 over pixels, per class: (..., K, 3) to (..., K), nan for classes absent from the truth."""
    right, truth, predicted = np.moveaxis(counts, -1, 0)
    return np.where(truth > 0, ratio(2 * right, truth + predicted), np.nan)


def class_accuracy(counts: np.ndarray) -> np.ndarray:
    """Share of the pixels of each class predicted as this class: (..., K, 3) to (..., K), nan for absent classes."""
    return ratio(counts[..., 0], counts[..., 1])


def pixel_accuracy(counts: np.ndarray) -> np.ndarray:
    """Share of labelled pixels that are right: (..., K, 3) to (...)."""
    right, truth, _ = np.moveaxis(counts.sum(axis=-2), -1, 0)
    return ratio(right, truth)


def mean_of_present(scores: np.ndarray) -> np.ndarray:
    """Mean over classes, (..., K) to (...), without the nan of absent classes; nan if all are absent."""
    present = ~np.isnan(scores)
    return ratio(np.where(present, scores, 0.0).sum(axis=-1), present.sum(axis=-1))


def mean_iou(counts: np.ndarray) -> np.ndarray:
    """Mean IoU over the classes in the truth: (..., K, 3) to (...)."""
    return mean_of_present(iou(counts))


def mean_dice(counts: np.ndarray) -> np.ndarray:
    """Mean Dice over the classes in the truth: (..., K, 3) to (...)."""
    return mean_of_present(dice(counts))


def mean_class_accuracy(counts: np.ndarray) -> np.ndarray:
    """Mean of the class accuracies over the classes in the truth: (..., K, 3) to (...)."""
    return mean_of_present(class_accuracy(counts))
