from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smalta.video.noticing.settled import SETTLED_S, Settled


def test_what_has_lasted_counts_from_its_first_moment() -> None:
    one = Settled()
    changes = [one.see(frame / 10, frame >= 6) for frame in range(13)]

    assert [frame for frame, changed in enumerate(changes) if changed] == [5, 11]
    assert (one.value, one.since_s) == (True, 0.6)


def test_a_short_break_changes_nothing() -> None:
    one = Settled()
    for frame in range(40):
        one.see(frame / 10, frame not in (20, 21, 22))

    assert (one.value, one.since_s) == (True, 0.0)


def test_what_is_not_clear_enough_waits_and_keeps_its_moment() -> None:
    one = Settled(value=True, latest=True)
    changes = [one.see(frame / 10, False, enough=frame >= 9) for frame in range(12)]

    assert changes.index(True) == 9
    assert (one.value, one.since_s) == (False, 0.0)


@given(seen=st.lists(st.booleans(), max_size=60))
def test_values_last_and_times_rise(seen: list[bool]) -> None:
    one, times = Settled(), []
    for frame, now in enumerate(seen):
        if one.see(frame / 10, now):
            times.append(one.since_s)
            first = round(one.since_s * 10)
            assert frame / 10 - one.since_s >= SETTLED_S - 1e-9
            assert set(seen[first : frame + 1]) == {one.value}

    assert times == sorted(times)
    assert Settled.restored(one.state()) == one
