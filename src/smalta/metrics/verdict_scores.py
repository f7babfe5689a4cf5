"""Scores of verdicts: bad parts that are missed, good parts that are rejected, and the threshold between them.

In:  per picture the true verdict and the score of the answer.
Out: plain data.

Pure numpy and SciPy. Must not know: files, networks, rules.

Shares have 95 % intervals of Clopper and Pearson (1934), which hold for few and for extreme counts: with no missed part
of 60, up to 6 % may be missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import betaincinv

COVERAGE = 0.95


def share_of(hits: int, total: int) -> dict[str, Any]:
    """A share with its interval: "of", "n", "share", "interval"; without pictures the last two are None."""
    tail = (1 - COVERAGE) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, total - hits + 1, tail))
    high = 1.0 if hits == total else float(betaincinv(hits + 1, total - hits, 1 - tail))
    return {
        "n": hits,
        "of": total,
        "share": hits / total if total else None,
        "interval": [low, high] if total else None,
    }


def at_threshold(bad: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, Any]:
    """Missed and rejected parts where a picture is called bad from a score on.

    Args:
        bad: (P,) bool: true verdicts.
        scores: (P,) of the answers.
        threshold: on the score.
    """
    called = scores >= threshold
    return {
        "threshold": threshold,
        "missed": share_of(int((bad & ~called).sum()), int(bad.sum())),
        "rejected": share_of(int((~bad & called).sum()), int((~bad).sum())),
    }


def threshold_for(bad: np.ndarray, scores: np.ndarray, miss: float) -> float | None:
    """The highest threshold at which at most a share of the bad parts is missed; None without a bad part.

    Args:
        bad: (P,) bool: true verdicts.
        scores: (P,) of the answers.
        miss: the share, 0 to 1.
    """
    ordered = np.sort(scores[bad])
    return float(ordered[min(int(miss * len(ordered) + 1e-9), len(ordered) - 1)]) if len(ordered) else None


def separation(bad: np.ndarray, scores: np.ndarray) -> float | None:
    """Share of the pairs of a bad and a good part in which the bad one has the higher score; equal ones count half.

    That is the area under the ROC curve (Hanley and McNeil 1982); None without pairs.
    """
    ours, theirs = scores[bad], scores[~bad]
    if not len(ours) or not len(theirs):
        return None
    return float((ours[:, None] > theirs).mean() + 0.5 * (ours[:, None] == theirs).mean())


def verdict_scores(
    bad: Sequence[bool], called: Sequence[bool], scores: Sequence[float], unknown: int
) -> dict[str, Any]:
    """Scores of the verdicts of a split.

    Args:
        bad: true verdicts.
        called: verdicts of the answers.
        scores: of the answers.
        unknown: number of pictures whose labels do not say.
    """
    true, answer = np.array(bad, dtype=bool), np.array(called, dtype=bool)
    return {
        "pictures": len(true),
        "unknown": unknown,
        "missed": share_of(int((true & ~answer).sum()), int(true.sum())),
        "rejected": share_of(int((~true & answer).sum()), int((~true).sum())),
        "auc": separation(true, np.array(scores, dtype=np.float64)),
    }
