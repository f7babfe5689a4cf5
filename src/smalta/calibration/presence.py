"""Learn from validation pictures how sure it is that a node is there.

In:  evidence and labels of validation pictures.
Out: a `PresenceCalibration`.

Each node gets a logistic map from its evidence (Platt 1999), fitted with Newton's method (Lin, Lin and Weng 2007, "A
note on Platt's probabilistic outputs for support vector machines"). Platt's targets are a prior of one picture of
either case: with n pictures that hold the node and m that do not, they are (n + 1) / (n + 2) and 1 / (m + 2) instead of
1 and 0. So a few pictures that happen to be separated give no probabilities of 0 and 1.

A node is not calibrated if all or none of the pictures hold it, or if more evidence does not mean that it is there.

Pure numpy. Must not know: networks, files, how evidence is measured.
"""

from __future__ import annotations

import numpy as np

from smalta.answers.presence_calibration import NodeCalibration, PresenceCalibration, logistic
from smalta.classes import ClassTree

STEPS = 100
RIDGE = 1e-6  # keeps the curvature positive where the evidence of all pictures is equal


def fit_presence(tree: ClassTree, evidence: np.ndarray, present: np.ndarray, known: np.ndarray) -> PresenceCalibration:
    """A calibration from pictures.

    Args:
        tree: the classes.
        evidence: (pictures, N + 1) strength of the evidence by node id.
        present: (pictures, N + 1) bool: whether the node is there.
        known: (pictures, N + 1) bool: whether the labels say so.
    """
    nodes = {}
    for node in tree:
        chosen = known[:, node.id]
        nodes[node.path] = _fit(evidence[chosen, node.id], present[chosen, node.id])
    return PresenceCalibration(nodes=nodes)


def _fit(evidence: np.ndarray, present: np.ndarray) -> NodeCalibration:
    pictures, n = len(present), int(present.sum())
    alone = NodeCalibration(pictures=pictures, present=n)
    if n in (0, pictures):
        return alone
    slope, offset = platt(evidence.astype(np.float64), present)
    if slope <= 0:
        return alone
    return NodeCalibration(pictures=pictures, present=n, slope=round(slope, 6) or 1e-6, offset=round(offset, 6))


def platt(evidence: np.ndarray, present: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the logistic function with the least cross-entropy to Platt's targets.

    Args:
        evidence: (P,) float64.
        present: (P,) bool; both cases occur.
    """
    n, m = int(present.sum()), int((~present).sum())
    target = np.where(present, (n + 1) / (n + 2), 1 / (m + 2))
    middle = evidence.mean()
    x = evidence - middle
    slope, offset = 0.0, float(np.log((n + 1) / (m + 1)))
    loss = _loss(slope * x + offset, target)
    for _ in range(STEPS):
        p = logistic(slope * x + offset)
        weight = p * (1 - p)
        gradient = np.array([((p - target) * x).sum(), (p - target).sum()])
        if np.abs(gradient).max() < 1e-9:
            break
        curvature = np.array([[(weight * x * x).sum(), (weight * x).sum()], [(weight * x).sum(), weight.sum()]])
        step = np.linalg.solve(curvature + RIDGE * np.eye(2), gradient)
        share = 1.0
        while share > 1e-10:
            new = _loss((slope - share * step[0]) * x + offset - share * step[1], target)
            if new <= loss - 1e-4 * share * float(gradient @ step):
                break
            share /= 2
        slope, offset, loss = slope - share * step[0], offset - share * step[1], new
    return float(slope), float(offset - slope * middle)


def _loss(z: np.ndarray, target: np.ndarray) -> float:
    """Cross-entropy of the logistic function of z."""
    return float((np.logaddexp(0, z) - target * z).sum())
