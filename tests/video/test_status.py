"""Speeds of a watch, over the last seconds of the clock."""

from __future__ import annotations

import pytest

from smalta.video import status
from smalta.video.status import Speed


def test_speeds_are_those_of_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(status.time, "monotonic", lambda: now)
    speed = Speed()
    assert (speed.frames_per_s, speed.keys_per_s) == (0.0, 0.0)

    for number in range(400):
        now = 100.0 + number / 10
        speed.add(key=number % 2 == 0)

    assert speed.frames_per_s == pytest.approx(10, rel=0.02)
    assert speed.keys_per_s == pytest.approx(5, rel=0.05)
    assert speed.seconds == pytest.approx(status.WINDOW_S, rel=0.02)
