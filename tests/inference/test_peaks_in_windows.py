"""What is looked up in windows is what is looked up in the whole centre map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smalta.answers.grouping import GroupingRule, find_peaks, lines_to_higher, lowest_on, nearest_peak, smooth
from smalta.inference import peaks_in_windows
from smalta.inference.peaks_in_windows import CenterMap, NearestPeaks

RULES = [GroupingRule(min_center=0.05), GroupingRule(min_center=0.02, smoothing=4.0)]


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands and windows so small that a small map has many."""
    monkeypatch.setattr(peaks_in_windows, "BAND", 8)
    monkeypatch.setattr(peaks_in_windows, "MARGIN", 3)


def stepped_map(cells_hw: tuple[int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A centre map with flat tops, some of them large, and which of its cells are used."""
    draw = np.random.default_rng(seed)
    steps = draw.integers(1, 9)
    center = np.round(draw.random(cells_hw) ** draw.integers(1, 40) * steps) / steps
    center[draw.integers(0, cells_hw[0]) :, : draw.integers(1, cells_hw[1] + 1)] = 0.75
    return center.astype(np.float32), draw.random(cells_hw) < 0.9


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells_hw=st.tuples(st.integers(1, 90), st.integers(1, 40)),
    seed=st.integers(0, 2**32 - 1),
    rule=st.sampled_from(RULES),
)
def test_peaks_and_the_lowest_on_lines_between_them_are_those_of_the_whole_map(
    cells_hw: tuple[int, int], seed: int, rule: GroupingRule, tmp_path_factory: pytest.TempPathFactory
) -> None:
    center, used = stepped_map(cells_hw, seed)
    whole = np.where(used, smooth(center, rule.smoothing), 0)
    expected = find_peaks(whole, rule.min_center, rule.peak_radius)
    on_disk = CenterMap(tmp_path_factory.mktemp("map"), rule, cells_hw)
    half = cells_hw[1] // 2
    for columns in (slice(half, None), slice(0, half)):
        on_disk.write(0, columns.start, center[:, columns], used[:, columns])

    peaks, heights = on_disk.peaks()

    np.testing.assert_array_equal(peaks, expected)
    np.testing.assert_array_equal(heights, whole[expected[:, 0], expected[:, 1]])
    if len(peaks):
        ways = lines_to_higher(peaks, heights)
        np.testing.assert_array_equal(on_disk.lowest_on(peaks, ways), lowest_on(whole, peaks, ways))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells_hw=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    count=st.integers(1, 30),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_nearest_peak_is_that_of_the_whole_map(cells_hw: tuple[int, int], count: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    size = cells_hw[0] * cells_hw[1]
    peaks = np.stack(np.divmod(np.unique(draw.integers(0, size, count)), cells_hw[1]), axis=1)
    rows, columns = np.divmod(draw.integers(0, size, 50), cells_hw[1])

    found = NearestPeaks(peaks, cells_hw)(rows, columns)

    np.testing.assert_array_equal(found, nearest_peak(cells_hw, peaks)[rows, columns])


def test_no_cell_asked_for_gives_no_answer() -> None:
    nothing = np.zeros(0, np.int64)

    assert len(NearestPeaks(np.array([[0, 0]]), (5, 5))(nothing, nothing)) == 0


def test_an_empty_map_has_no_peaks(tmp_path: Path) -> None:
    on_disk = CenterMap(tmp_path, GroupingRule(), (20, 5))

    peaks, heights = on_disk.peaks()

    assert peaks.shape == (0, 2)
    assert len(heights) == 0


def test_a_flat_top_just_above_a_band_is_seen_whole_before_it_hides_an_equal_peak(tmp_path: Path) -> None:
    rule = GroupingRule()
    used = np.zeros((20, 5), dtype=bool)
    used[:8, 0] = used[8, 2] = True  # the middle of the first is row 3; of its rows 5 to 7 alone it would be row 6
    on_disk = CenterMap(tmp_path, rule, (20, 5))
    on_disk.write(0, 0, np.full((20, 5), 0.9, np.float32), used)

    peaks, _ = on_disk.peaks()

    np.testing.assert_array_equal(peaks, [[3, 0], [8, 2]])
