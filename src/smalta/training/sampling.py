"""How often each picture is drawn: more often if it has rare classes or full labels.

In:  pixels per class of every training picture.
Out: one weight per picture, and the reason in words.

Must not know: pictures, batches, losses.
"""

from __future__ import annotations

import numpy as np

from smalta.classes import ROOT, ClassTree

RARE = 0.2  # pictures with a class that fewer than this share of the pictures have are drawn more often
FULL_SHARE = 0.5  # least share of the draws for pictures labelled down to the leaves


def draw_weights(pixels: np.ndarray, tree: ClassTree) -> tuple[np.ndarray, tuple[str, ...]]:
    """Weights of the training pictures in the draw.

    A picture with a rare class is drawn sqrt(RARE / share of the pictures with the class) times as often, the repeat
    factor of Gupta et al. 2019 (LVIS). If fewer than half of the pictures have labels that mostly reach the leaves,
    these pictures make half of the draws. So coarse labels add information and do not dilute the full ones.

    Args:
        pixels: (P, N + 1) pixels by picture and node id.
        tree: the classes.

    Returns:
        (P,) float64 with mean 1, and a sentence about each deviation from equal weights.
    """
    shown = pixels[:, 1:] > 0
    frequency = shown.mean(axis=0)
    repeat = np.sqrt(RARE / np.maximum(frequency, 1e-9)).clip(min=1.0)
    weights = np.where(shown, repeat, 1.0).max(axis=1, initial=1.0)
    notes = []
    rare = [node.path for node in tree if 0 < frequency[node.id - 1] < RARE]
    if rare and weights.max() >= 1.05:  # less would read "1.0 times"
        few = ", ".join(rare[:3]) + (", ..." if len(rare) > 3 else "")
        notes.append(f"pictures with rare classes ({few}) are drawn up to {weights.max():.1f} times as often")
    labelled = pixels.sum(axis=1) - pixels[:, ROOT]
    full = pixels[:, list(tree.leaves)].sum(axis=1) * 2 > labelled
    share = weights[full].sum() / weights.sum()
    if 0 < share < FULL_SHARE:
        weights[full] *= FULL_SHARE / share
        weights[~full] *= (1 - FULL_SHARE) / (1 - share)
        notes.append(
            f"{full.sum()} of {len(full)} pictures are labelled down to the leaves; they make half of the draws"
        )
    return weights / weights.mean(), tuple(notes)


def picks(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One pass of P draws for P pictures: each as often as its weight, randomly rounded up or down.

    Systematic sampling: with equal weights every picture is drawn exactly once.

    Args:
        weights: (P,) positive.
        rng: draws the rounding and the order.

    Returns:
        (P,) int64 indices.
    """
    count = len(weights)
    edges = np.cumsum(weights) * (count / weights.sum())
    chosen = np.searchsorted(edges, np.arange(count) + rng.uniform(0.25, 0.75), side="right")
    return rng.permutation(np.minimum(chosen, count - 1))
