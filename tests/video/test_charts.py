"""Charts: every number has its place, gaps are seen, clocks are right."""

from __future__ import annotations

import numpy as np
import pytest

from smalta.video.showing import charts
from smalta.video.showing.charts import Columns, clock, draw_counts, draw_heat, span

NAN = np.nan


def columns(**changes: object) -> Columns:
    usual: dict[str, object] = {
        "begin_s": 0,
        "of_day": False,
        "zones": {"shop": np.array([0.0, 1, 2, 2, NAN, NAN, 1, 0])},
        "places": {"place": np.array([0.0, 0, 1, 1, NAN, NAN, 0, 0])},
        "lines": {"door": (np.array([0, 1, 2, 2, 2, 2, 2, 2]), np.array([0, 0, 0, 0, 0, 0, 1, 2]))},
    }
    return Columns(**usual | changes)  # type: ignore[arg-type]


def n_of(image: np.ndarray, color: tuple[int, int, int]) -> int:
    return int((image == np.array(color, np.uint8)).all(axis=2).sum())


def test_a_chart_has_a_part_for_zones_places_and_each_line() -> None:
    image = draw_counts(columns())

    heights = charts.OCCUPANCY_HEIGHT + charts.PLACE_HEIGHT + charts.LINE_HEIGHT
    assert image.shape == (heights + 4 * charts.GAP, charts.WIDTH, 3)
    assert n_of(image, charts.COLORS[0]) > 500
    assert n_of(image, charts.TAKEN) == pytest.approx(n_of(image, charts.FREE) / 2, rel=0.1)  # two seconds of six
    assert n_of(image, charts.IN) > 0
    assert n_of(image, charts.OUT) == pytest.approx(n_of(image, charts.IN), rel=0.1)
    assert n_of(image, charts.UNSEEN) > 1000


def test_a_chart_of_lines_alone_has_no_other_parts() -> None:
    image = draw_counts(columns(zones={}, places={}))

    assert image.shape[0] == charts.LINE_HEIGHT + 2 * charts.GAP


def test_a_day_and_large_numbers_fit() -> None:
    day = 86400
    image = draw_counts(
        columns(zones={f"zone {n}": np.full(day, 9000.0 * n) for n in range(20)}, places={}, lines={}, begin_s=3600)
    )

    assert image.shape[1] == charts.WIDTH


def test_one_second_is_enough() -> None:
    one = columns(
        zones={"shop": np.array([NAN])}, places={}, lines={"door": (np.array([0]), np.array([0]))}, of_day=True
    )

    assert draw_counts(one).shape[1] == charts.WIDTH


@pytest.mark.parametrize(
    ("second", "of_day", "expected"),
    [
        (0, False, "0:00"),
        (125, False, "2:05"),
        (3723, False, "1:02:03"),
        (50400, True, "14:00"),
        (90000 + 5, True, "01:00:05"),
    ],
)
def test_seconds_as_clocks(second: int, of_day: bool, expected: str) -> None:
    assert clock(second, of_day=of_day) == expected


def test_lengths_of_time_have_the_largest_whole_unit() -> None:
    assert [span(seconds) for seconds in (1, 30, 60, 900, 3600, 86400)] == [
        "1 s",
        "30 s",
        "1 min",
        "15 min",
        "1 h",
        "24 h",
    ]


def test_the_largest_value_of_each_part_is_kept() -> None:
    values = np.array([0, 5, 1, NAN, NAN, NAN, 2, NAN, 3.0])

    np.testing.assert_array_equal(charts._by_pixel(values, 3), [5, NAN, 3])


def test_heat_is_where_things_stood() -> None:
    seconds = np.zeros((12, 20))
    seconds[6, 5] = 4.0
    ground = np.full((96, 160, 3), 200, np.uint8)

    image = draw_heat(seconds, ground, 8, [np.array([[8, 8], [150, 8], [150, 90]])])

    assert image.shape == (96 + 34, 160, 3)
    hot, cold = image[52, 44].astype(int), image[80, 140].astype(int)
    assert hot[0] - hot[2] > 60
    assert np.ptp(cold) < 10
    assert image[8, 80].max() < 100  # the outline


def test_a_map_of_nothing_is_drawn() -> None:
    image = draw_heat(np.zeros((12, 20)), np.full((96, 160, 3), 200, np.uint8), 8, [])

    assert np.ptp(image[:96]) < 5
