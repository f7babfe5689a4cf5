"""Whether probabilities of presence are right: of all nodes called 80 % sure, 80 % should be there.

In:  probabilities and truths.
Out: a reliability table and the expected calibration error.

Pure numpy. Must not know: networks, files, how probabilities are learned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 10
RESAMPLES = 1000


def reliability(probabilities: np.ndarray, present: np.ndarray) -> dict[str, Any]:
    """The table, and errors that sum it up.

    The expected calibration error is the mean over the predictions of |mean probability - share that is there| of
    their bin (Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning"), in
    ten bins of equal width. It is above 0 for perfect probabilities too, because a bin holds few pictures. So the error
    that perfect probabilities would have is given beside it, a mean over truths that are drawn from the probabilities
    (consistency resampling; Bröcker and Smith 2007). The Brier score is the mean squared error (Brier 1950).

    Args:
        probabilities: (P,) in 0..1.
        present: (P,) bool.

    Returns:
        "predictions", "ece", "ece_if_perfect", "brier", and "bins": rows of "low", "high", "predictions", "predicted"
        and "observed". Without predictions, the errors are None.
    """
    place = np.minimum((probabilities * BINS).astype(np.intp), BINS - 1)
    n = np.bincount(place, minlength=BINS)
    predicted = np.bincount(place, probabilities, minlength=BINS)
    observed = np.bincount(place, present, minlength=BINS)
    total = len(probabilities)
    draws = np.random.default_rng(0).random((RESAMPLES, total)) < probabilities
    perfect = np.stack([np.bincount(place, draw, minlength=BINS) for draw in draws]) if total else np.zeros((1, BINS))
    return {
        "predictions": total,
        "ece": float(np.abs(predicted - observed).sum() / total) if total else None,
        "ece_if_perfect": float(np.abs(predicted - perfect).sum(axis=1).mean() / total) if total else None,
        "brier": float(np.mean((probabilities - present) ** 2)) if total else None,
        "bins": [
            {
                "low": k / BINS,
                "high": (k + 1) / BINS,
                "predictions": int(n[k]),
                "predicted": float(predicted[k] / n[k]),
                "observed": float(observed[k] / n[k]),
            }
            for k in np.flatnonzero(n).tolist()
        ],
    }
