"""Cars look as their make and body say, in any paint."""

from __future__ import annotations

import numpy as np
import pytest

from smalta.scenes.vehicles import BODIES, MAKES, car


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("body", BODIES)
def test_paint_says_nothing_about_make_and_body(make: str, body: str) -> None:
    shades = [car(np.random.default_rng(seed), make, body, lights=False) for seed in range(200)]

    paints = np.array([model.pieces[-1].polygons.colors[model.pieces[-1].polygons.dye == 1][0] for model in shades])

    assert paints.mean() == pytest.approx(0.42, abs=0.06)  # of all paints alike
    assert (paints.std(axis=0) > 0.2).all()
