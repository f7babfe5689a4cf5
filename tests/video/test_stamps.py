from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.video.reading.stamps import MOST_REFUSED, MPEG_WRAP_S, LiveStamps, Stamps

anything = st.none() | st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf, 0.0])
rising = st.lists(st.floats(0.001, 1e5), min_size=1, max_size=30).map(lambda steps: list(itertools.accumulate(steps)))
wraps = st.none() | st.just(MPEG_WRAP_S)


def times_of(stamps: Sequence[float | None], **settings: float | None) -> list[float | None]:
    line = Stamps(**settings)
    pairs = itertools.zip_longest(stamps, stamps[1:])
    return [line.time_of(stamp, following_s=following) for stamp, following in pairs]


def live(frames: Sequence[tuple[float | None, float]], **settings: float | None) -> list[float | None]:
    """Times of frames that each have a stamp and a time of arrival, as `LiveVideo` asks for them."""
    line, times, last_s = LiveStamps(**settings), [], frames[0][1]
    for stamp, arrival_s in frames:
        times.append(line.time_of(stamp, elapsed_s=arrival_s - last_s))
        last_s = last_s if times[-1] is None else arrival_s
    return times


@given(stamps=rising)
def test_stamps_that_rise_are_used_as_they_are(stamps: list[float]) -> None:
    assert times_of(stamps) == stamps


@given(stamps=st.lists(anything, max_size=60), wrap_s=wraps)
def test_times_strictly_rise_and_are_finite_whatever_the_stamps(
    stamps: list[float | None], wrap_s: float | None
) -> None:
    used = [time for time in times_of(stamps, wrap_s=wrap_s) if time is not None]

    assert all(math.isfinite(time) for time in used)
    assert all(later > earlier for earlier, later in itertools.pairwise(used))


@given(frames=st.lists(st.tuples(anything, st.floats(0, 100)), min_size=1, max_size=60), wrap_s=wraps)
def test_live_times_strictly_rise_and_are_finite_whatever_the_stamps(
    frames: list[tuple[float | None, float]], wrap_s: float | None
) -> None:
    arrivals = np.cumsum([step for _, step in frames]).tolist()

    times = live([(stamp, arrival) for (stamp, _), arrival in zip(frames, arrivals, strict=True)], wrap_s=wrap_s)

    used = [time for time in times if time is not None]
    assert all(math.isfinite(time) for time in used)
    assert all(later > earlier for earlier, later in itertools.pairwise(used))


@given(stamps=st.lists(anything, min_size=1, max_size=100))
def test_the_first_frame_and_one_of_ten_in_a_row_are_always_used(stamps: list[float | None]) -> None:
    times = times_of(stamps)

    assert times[0] is not None
    unused = "".join("-" if time is None else "x" for time in times)
    assert "-" * MOST_REFUSED not in unused


@given(
    start_s=st.floats(0, MPEG_WRAP_S, exclude_max=True),
    steps_s=st.lists(st.floats(0.01, 3000), min_size=1, max_size=80),
)
def test_a_counter_that_wraps_goes_on_as_one_with_more_bits(start_s: float, steps_s: list[float]) -> None:
    whole = [start_s, *(start_s + float(after_s) for after_s in np.cumsum(steps_s))]

    times = times_of([stamp % MPEG_WRAP_S for stamp in whole], wrap_s=MPEG_WRAP_S)

    np.testing.assert_allclose(np.array(times, dtype=float), whole, rtol=0, atol=1e-6)


def test_a_counter_that_wraps_several_times_goes_on() -> None:
    whole = [20_000.0 * number for number in range(20)]

    assert times_of([stamp % MPEG_WRAP_S for stamp in whole], wrap_s=MPEG_WRAP_S) == pytest.approx(whole)


def test_a_live_counter_that_wraps_goes_on_as_one_with_more_bits() -> None:
    arrivals = np.arange(0, 3 * MPEG_WRAP_S, 900.0)

    times = live([(float(arrival % MPEG_WRAP_S), float(arrival)) for arrival in arrivals], wrap_s=MPEG_WRAP_S)

    np.testing.assert_allclose(np.array(times, dtype=float), arrivals, rtol=0, atol=1e-6)


def test_a_missing_stamp_continues_with_the_usual_step() -> None:
    assert times_of([1.0, None, None, 1.5], step_s=0.1) == pytest.approx([1.0, 1.1, 1.2, 1.5])
    assert times_of([1.0, 1.5, None, None]) == pytest.approx([1.0, 1.5, 2.0, 2.5])
    assert times_of([None, None, None]) == pytest.approx([0.0, 0.04, 0.08])


def test_a_repeated_stamp_and_one_out_of_order_are_not_used() -> None:
    assert times_of([0.0, 0.04, 0.04, 0.12, 0.08, 0.16]) == [0.0, 0.04, None, 0.12, None, 0.16]


@pytest.mark.parametrize("stray_s", [500.0, 1.3, -7.0, 0.0])
def test_a_single_damaged_stamp_does_not_move_the_others(stray_s: float) -> None:
    stamps = [10 + 0.04 * number for number in range(50)]
    damaged = [*stamps[:20], stray_s, *stamps[21:]]

    assert times_of(damaged, step_s=0.04) == pytest.approx(stamps)


def test_stamps_that_never_rise_give_way_to_the_usual_step() -> None:
    times = times_of([7.0] * 100, step_s=0.04)

    used = [time for time in times if time is not None]
    assert times[1:MOST_REFUSED] == [None] * (MOST_REFUSED - 1)
    np.testing.assert_allclose(np.diff(used), 0.04)
    assert len(used) == 100 - MOST_REFUSED + 1


def test_stamps_that_run_backwards_give_way_to_the_usual_step_and_are_believed_again_when_they_rise() -> None:
    back = [100 - 0.04 * number for number in range(200)]
    forth = [back[-1] + 0.1 * number for number in range(1, 100)]

    times = [time for time in times_of(back + forth, step_s=0.04) if time is not None]

    assert len(times) >= 200 - MOST_REFUSED + 1 + 99 - 1
    np.testing.assert_allclose(np.diff(times)[-50:], 0.1)


def test_stamps_of_whole_seconds_do_not_run_away() -> None:
    times = times_of([float(number // 25) for number in range(250)], step_s=0.04)

    used = [(number / 25, time) for number, time in enumerate(times) if time is not None]
    assert max(abs(true - time) for true, time in used) < 0.5
    assert len(used) > 230


def test_a_stream_that_starts_again_goes_on_without_a_gap() -> None:
    line = Stamps(step_s=0.04)

    times = [line.time_of(stamp) for stamp in (10.0, 10.04, 0.0, 0.04, 0.08)]

    assert times == pytest.approx([10.0, 10.04, 10.08, 10.12, 10.16])
    assert line.faults.restarts == 1


def test_a_day_without_a_frame_is_a_gap_of_a_day() -> None:
    line = Stamps(step_s=0.04)

    assert [line.time_of(stamp) for stamp in (0.0, 0.04, 86_400.0)] == [0.0, 0.04, 86_400.0]
    assert (line.faults.longest_gap_s, line.faults.gap_at_s) == pytest.approx((86_399.96, 0.04))


def test_a_file_that_begins_before_zero_begins_at_zero() -> None:
    assert times_of([-1.0, -0.5, 0.0]) == [0.0, 0.5, 1.0]


def test_live_stamps_that_jump_while_the_clock_does_not_move_no_time() -> None:
    arrivals = [0.04 * number for number in range(1000)]
    stamps = [*(5 + arrival for arrival in arrivals[:500]), *(90_000 + arrival for arrival in arrivals[500:])]

    times = live(list(zip(stamps, arrivals, strict=True)))

    np.testing.assert_allclose(np.array(times, dtype=float), 5 + np.array(arrivals))


@pytest.mark.parametrize("stray_s", [60.0, 28.0, 19.0, 0.0])
def test_a_single_damaged_live_stamp_does_not_move_the_others(stray_s: float) -> None:
    arrivals = [0.04 * number for number in range(600)]
    stamps = [5 + arrival for arrival in arrivals]
    stamps[500] = stray_s  # instead of 25 s

    times = live(list(zip(stamps, arrivals, strict=True)))

    np.testing.assert_allclose(np.array(times, dtype=float), 5 + np.array(arrivals))


def test_live_frames_that_come_late_or_in_bursts_keep_their_stamps() -> None:
    stamps = [0.2 * number for number in range(300)]
    arrivals = [4.0 * math.ceil(stamp / 4.0) + 0.001 * (stamp % 4) for stamp in stamps]  # every 4 s a file of 20 frames

    assert live(list(zip(stamps, arrivals, strict=True))) == stamps


def test_without_stamps_live_frames_have_the_times_of_their_arrival() -> None:
    assert live([(None, 9.0), (None, 9.5), (None, 9.6)]) == pytest.approx([0.0, 0.5, 0.6])


@given(before=rising, after=rising, gap_s=st.floats(0.01, 1e5), restart_s=st.floats(0, 1e5))
def test_a_live_stream_that_comes_back_goes_on_after_the_real_gap(
    before: list[float], after: list[float], gap_s: float, restart_s: float
) -> None:
    line, last_s = LiveStamps(), before[0]
    for stamp in before:
        line.time_of(stamp, elapsed_s=stamp - last_s)
        last_s = stamp

    line.resume()
    elapsed = [gap_s, *np.diff(after).tolist()]
    times = [line.time_of(restart_s + stamp, elapsed_s=step) for stamp, step in zip(after, elapsed, strict=True)]

    expected = before[-1] + gap_s + np.array(after) - after[0]
    np.testing.assert_allclose(np.array(times, dtype=float), expected, rtol=1e-12, atol=1e-6)
