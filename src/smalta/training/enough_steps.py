"""How many steps a data set needs before a longer run hardly helps.

In:  number of training pictures, crops per step; the time of the steps made.
Out: steps; minutes.

The rule: `PASSES` passes over the training pictures, at least `LEAST` and at most `MOST` steps. It comes from two long
runs, in bench/results: on 42 pictures of cracks, 95 % of the gain over the trivial answer was there after 153 of 611
steps (29 passes); on 367 street scenes of 11 classes, 90 % after 2,151 to 2,899 of 4,821 steps (47 to 63 passes), with
a learning rate that was still high. A run that is planned for fewer steps lowers its rate earlier and needs fewer.
`python -m bench.learning_curves` measures whole runs of 30 to 3,000 steps.

Must not know: how a run proceeds, how its result is shown.
"""

from __future__ import annotations

import math

PASSES = 30
LEAST = 150
MOST = 3000  # more passes than this over thousands of pictures show few new pictures


def enough_steps(n_pictures: int, batch: int) -> int:
    """Steps that reach about 90 % of a long run's gain over the trivial answer.

    Args:
        n_pictures: for training.
        batch: crops per step.

    Example:
        >>> enough_steps(42, 8), enough_steps(367, 8), enough_steps(5, 5)
        (160, 1400, 150)
    """
    wanted = PASSES * n_pictures / batch
    rounded = round(wanted, 1 - len(str(int(wanted)))) if wanted < 100 else round(wanted, 2 - len(str(int(wanted))))
    return int(min(max(rounded, LEAST), MOST))


def enough_minutes(enough: int, steps: int, *, stepping: float, other: float) -> int:
    """Whole minutes that would do for `enough` steps on the same machine, rounded up.

    Args:
        enough: steps.
        steps: that a run made, at least 1.
        stepping: seconds that they took, with their validations.
        other: seconds of the run before its first step and after its last one.
    """
    return max(math.ceil((other + stepping * enough / steps) / 60), 1)
