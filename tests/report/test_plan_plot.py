from __future__ import annotations

import sys
from pathlib import Path

import cv2
import pytest

from machines import TWO_CORES, WITH_CARD, work
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

    assert "processor and card" in (tmp_path / "plan.svg").read_text()


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the file of a drawing must end in .png or .svg, got 'plan.jpg'"):
        draw_plan(tmp_path / "plan.jpg", plan(WORK, TWO_CORES), WORK, TWO_CORES)


def test_without_matplotlib_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(ConfigError, match=r"pip install 'smalta\[plot\]'"):
        draw_plan(tmp_path / "plan.png", plan(WORK, TWO_CORES), WORK, TWO_CORES)
