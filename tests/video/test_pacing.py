"""Which frames the network sees."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from smalta.errors import ConfigError
from smalta.video.pacing import LEAST_LIVE, ROOM, STILL_S, Pace, VideoFacts, pace

SIZE_HW = (360, 640)


def file(fps: float | None, size_hw: tuple[int, int] = SIZE_HW) -> VideoFacts:
    return VideoFacts(size_hw=size_hw, fps=fps, live=False)


def live(fps: float | None, size_hw: tuple[int, int] = SIZE_HW) -> VideoFacts:
    return VideoFacts(size_hw=size_hw, fps=fps, live=True)


def network(milliseconds: float) -> Callable[[tuple[int, int]], float]:
    """Takes so long for 640 x 360 px, and less for less."""
    return lambda size_hw: milliseconds / 1000 * size_hw[0] * size_hw[1] / (360 * 640)


def keys(found: Pace, times: list[float], *, moves: Callable[[float], bool] = lambda time_s: True) -> list[float]:
    last, seen = None, []
    for time_s in times:
        if found.is_key(time_s, last, moves=moves(time_s)):
            seen.append(time_s)
            last = time_s
    return seen


@pytest.mark.parametrize(
    ("fps", "every"),
    [(25, 5), (30, 6), (29.97, 5), (12, 2), (10, 2), (9, 1), (1, 1), (60, 12), (None, 5), (90_000, 24)],
)
def test_a_file_has_at_least_five_key_frames_a_second_where_it_has_so_many_frames(
    fps: float | None, every: int
) -> None:
    found = pace(file(fps), stride=4)

    assert found.key_every == every
    assert found.key_every_s == pytest.approx(every / min(fps or 25, 120))
    assert 1 / found.key_every_s >= min(5, fps or 25) - 1e-9


def test_the_pace_of_a_file_depends_on_no_measured_speed() -> None:
    region = (100.0, 50.0, 300.0, 200.0)

    fast, slow = (
        pace(file(25), stride=4, region_xyxy=region, network_s=network(ms), cores=cores)
        for ms, cores in ((1, 16), (9000, 1))
    )
    without = pace(file(25), stride=4, region_xyxy=region)

    assert fast.to_dict() == slow.to_dict() == without.to_dict()
    assert "measured speeds do not matter" in fast.reasons[0]


def test_a_live_source_with_time_has_the_key_frames_of_a_file() -> None:
    found = pace(live(25), stride=4, network_s=network(60), cores=2)

    assert (found.key_every, found.working_hw) == (5, SIZE_HW)
    assert "there is time, because a key frame takes 66.5 ms" in found.reasons[0]  # 60 ms and 14,400 cells
    assert found.busy < ROOM


def test_a_live_source_without_time_is_reduced_before_it_is_seen_less_often_than_four_times_a_second() -> None:
    found = pace(live(25), stride=4, network_s=network(300), cores=2)

    assert (found.crop.factor, found.working_hw, found.cell) == (2, (180, 320), 8)
    assert 1 / found.key_every_s >= LEAST_LIVE
    assert found.busy <= ROOM + 1e-9
    assert "of frames of full size the network could see fewer than 4 a second here" in found.reasons[3]


def test_a_live_source_that_is_far_too_slow_is_seen_less_often_and_that_is_said() -> None:
    found = pace(live(25), stride=4, network_s=network(2000), cores=2)

    assert found.crop.factor == 2  # never more than twice as far as planned for a file
    # 500 ms and 1.6 ms for 3,600 cells; each frame takes 6.4 ms, 0.16 of the time, so 0.69 are left: 1.37 a second
    assert found.key_every == 19
    assert "so there is time for 1.3 key frames a second instead of 5" in found.reasons[0]


def test_a_live_source_that_takes_all_time_for_its_frames_is_seen_now_and_then_all_the_same() -> None:
    found = pace(live(30, (2160, 3840)), stride=4, network_s=network(50), cores=1)

    assert found.busy > 1
    assert found.key_every_s < 5


def test_frames_are_shown_about_as_large_as_the_pictures_that_the_model_learned_from() -> None:
    def shown(size_hw: tuple[int, int], trained_hw: tuple[int, int] | None) -> tuple[int, int]:
        return pace(file(25, size_hw), stride=4, trained_hw=trained_hw).working_hw

    assert shown((1080, 1920), (360, 640)) == (360, 640)
    assert shown((1080, 1920), (1080, 1920)) == (1080, 1920)
    assert shown((360, 640), (1080, 1920)) == (360, 640)  # never enlarged
    assert shown((720, 1280), None) == (720, 1280)
    assert shown((1080, 1920), None) == (540, 960)  # of unknown size, less than a million pixels
    assert shown((1081, 1921), (360, 640)) == (361, 641)  # rounded up, with the last pixels repeated


def test_the_region_is_aligned_to_cells() -> None:
    found = pace(file(25), stride=4, region_xyxy=(101.5, 50.0, 299.0, 203.0), region_why="the door is there")

    assert found.region_xyxy == (100, 48, 300, 204)
    assert found.working_hw == (156, 200)
    assert found.reasons[2] == "the door is there"


@pytest.mark.parametrize("moves", [True, False])
def test_key_frames_come_at_their_times_whatever_rounds_the_time_stamps(moves: bool) -> None:
    found = pace(file(30), stride=4)
    times = [round(k / 30, 3) for k in range(300)]  # milliseconds, as in Matroska

    seen = keys(found, times, moves=lambda time_s: moves)

    every = 6 if moves else 60
    assert seen == times[::every]
    assert found.still_s == STILL_S == 2


def test_motion_after_stillness_is_seen_at_once() -> None:
    found = pace(file(25), stride=4)
    times = [k / 25 for k in range(101)]

    seen = keys(found, times, moves=lambda time_s: time_s >= 1.12)

    assert seen[:3] == pytest.approx([0, 1.12, 1.32])


def test_still_mode_never_has_more_key_frames_than_motion() -> None:
    found = pace(file(0.2), stride=4)  # a picture in five seconds

    assert keys(found, [0.0, 5.0, 10.0], moves=lambda time_s: False) == [0, 5, 10]


def test_the_user_decides_with_key_every() -> None:
    found = pace(live(25), stride=4, network_s=network(9000), key_every=3)

    assert (found.key_every, found.working_hw) == (3, SIZE_HW)
    assert "--key-every 3 asks for it, which is 8.3 key frames a second" in found.reasons[0]


@pytest.mark.parametrize("wrong", [{"key_every": 0}, {"cores": 0}])
def test_numbers_below_one_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="must be at least 1, got 0"):
        pace(file(25), stride=4, **wrong)  # type: ignore[arg-type]


def test_each_decision_has_a_reason_with_a_number() -> None:
    found = pace(live(25), stride=4, network_s=network(60), cores=2, trained_hw=(360, 640))

    assert [decision.name for decision in found.decided] == [
        "key frames",
        "between",
        "region",
        "working size",
        "still mode",
    ]
    assert [decision.value for decision in found.decided] == [
        "every 5th frame",
        "4 frames",
        "whole picture",
        "360 x 640 px",
        "one in 2 s",
    ]
    assert all(found.reasons)


def test_key_every_holds_also_while_nothing_moves() -> None:
    found = pace(file(25), stride=4, key_every=2)

    assert keys(found, [0.0, 0.04, 0.08, 0.12, 0.16], moves=lambda time_s: False) == [0.0, 0.08, 0.16]
    assert (found.decided[4].value, found.reasons[4]) == (
        "off",
        "--key-every asks for the same key frames while nothing moves",
    )
