from __future__ import annotations

import re
import sys
from pathlib import Path

import cv2
import pytest

from machines import TWO_CORES, WITH_CARD, use_round_shares, work
from smalta.errors import ConfigError
from smalta.planning.planner import plan
from smalta.report.plan_plot import draw_plan

WORK = work(512, runtimes=("openvino",))


@pytest.mark.parametrize("name", ["deep/plan.png", "plan.svg"])
def test_a_plan_is_drawn_whole(tmp_path: Path, name: str) -> None:
    draw_plan(tmp_path / name, plan(WORK, TWO_CORES), WORK, TWO_CORES)

    path = tmp_path / name
    assert [file.name for file in path.parent.iterdir() if file.is_file()] == [path.name]  # no draft is left
    if path.suffix == ".png":
        assert cv2.imread(str(path)).std() > 20  # something is on it
    else:
        assert "softmax" in path.read_text()


def test_a_plan_for_a_card_is_drawn_under_its_roofs(tmp_path: Path) -> None:
    job = work(2048)

    draw_plan(tmp_path / "plan.svg", plan(job, WITH_CARD), job, WITH_CARD)

    drawn = (tmp_path / "plan.svg").read_text()
    assert "on the card" in drawn
    assert "card's memory: 400 GB/s" in drawn


def test_the_plane_has_the_line_of_one_half_the_caches_and_five_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_round_shares(monkeypatch, **{"pytorch.call": 1e-3})  # to start an operation on the GPU; in OpenVINO, none

    draw_plan(tmp_path / "plan.svg", plan(WORK, TWO_CORES), WORK, TWO_CORES)

    drawn = (tmp_path / "plan.svg").read_text()
    assert "both equally fast: score 0.5" in drawn
    for edge in ("L2", "2 MiB", "L3", "32 MiB"):
        assert f"<!-- {edge}" in drawn
    for side in (128, 256, 512, 1024, 2048):
        assert f"<!-- {side} x {side} px: 0." in drawn


def test_without_a_tie_the_sizes_have_both_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_round_shares(monkeypatch)
    job = work(512, runtimes=("pytorch",))  # starting its operations costs the processor more than the GPU

    draw_plan(tmp_path / "plan.svg", plan(job, TWO_CORES), job, TWO_CORES)

    drawn = (tmp_path / "plan.svg").read_text()
    assert "the GPU is predicted to be faster for pictures of every size" in drawn
    assert "score 0.5" not in drawn
    assert re.search(r"512 x 512 px: [\d.]+ ms, [\d.]+ [mu]s", drawn)


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the file of a drawing must end in .png or .svg, got 'plan.jpg'"):
        draw_plan(tmp_path / "plan.jpg", plan(WORK, TWO_CORES), WORK, TWO_CORES)


def test_without_matplotlib_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(ConfigError, match=r"pip install 'smalta\[plot\]'"):
        draw_plan(tmp_path / "plan.png", plan(WORK, TWO_CORES), WORK, TWO_CORES)
