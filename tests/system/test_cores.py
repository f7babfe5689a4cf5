import os

import pytest

from smalta.system import cores


@pytest.mark.parametrize(("quota", "usable"), [(None, 4), (1.5, 2), (0.25, 1), (16.0, 4)])
def test_quotas_of_processor_time_round_up_to_cores(monkeypatch: pytest.MonkeyPatch, quota: float, usable: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 3, 5}, raising=False)
    monkeypatch.setattr(cores, "cpu_quota", lambda: quota)

    assert cores.usable_cores() == usable
