from __future__ import annotations

import pytest

from smalta.export.parity import Parity


@pytest.mark.parametrize(
    ("difference", "pixels", "share", "holds"),
    [
        (1e-3, 0.05, 0.999, True),
        (1.1e-3, 0.0, 1.0, False),
        (0.0, 0.06, 1.0, False),
        (0.0, 0.0, 0.998, False),
        (float("nan"), 0.0, 1.0, False),
        (0.0, float("nan"), 1.0, False),
    ],
)
def test_parity_holds_within_its_limits(difference: float, pixels: float, share: float, holds: bool) -> None:
    parity = Parity(runtime="", pictures="", max_difference=difference, max_offset_difference=pixels, equal_share=share)

    assert parity.holds is holds
