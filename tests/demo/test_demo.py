import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from rich.console import Console

from smalta import demo
from smalta.answers.decoding import Decoding
from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.data.sample import Sample
from smalta.demo import run_demo
from smalta.demo.page import page
from smalta.demo.words import count_table
from smalta.errors import ConfigError, ShapeError
from smalta.scenes import generate, scene_tree


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few scenes, so that a demo takes seconds."""
    for name, value in {"N_TRAIN": 8, "N_VAL": 2, "N_TEST": 3, "BATCH": 2, "CROP": 64}.items():
        monkeypatch.setattr(demo, name, value)


def test_a_demo_leaves_scenes_a_model_numbers_and_pictures_and_says_what_comes_next(small, tmp_path, capsys) -> None:
    result = run_demo(tmp_path / "demo", minutes=0.05)

    said = capsys.readouterr().out
    scenes = sorted(path.stem for path in (tmp_path / "demo/scenes/test/images").iterdir())
    assert len(scenes) == 3
    for folder in ("classes", "overlays", "instances", "panoptic"):
        assert sorted(path.stem for path in (result["answers"] / folder).iterdir()) == scenes
    assert (result["run"] / "model.safetensors").is_file()
    assert json.loads(result["report"].read_text()) == result["evaluation"]
    assert result["evaluation"]["n_pictures"] == 3
    assert (result["answers"] / "objects.csv").is_file()
    assert (result["answers"] / "panoptic.json").is_file()
    assert cv2.imread(str(result["side_by_side"])).shape[1] == 4 * 384
    for words in (
        "side_by_side.png",
        "semantic, level 3",
        "panoptic, level 1: PQ",
        "body (passenger or lorry): share of right pixels",
        "count of",
        "vehicle/car",
        "smalta train mine",
        "Only ",
    ):
        assert words in said
    assert f"smalta predict {tmp_path}/demo/run {tmp_path}/demo/scenes/test/images" in said


def test_a_quiet_demo_prints_nothing(small, tmp_path, capsys) -> None:
    run_demo(tmp_path / "demo", minutes=0.02, quiet=True)

    assert capsys.readouterr().out == ""


def test_a_demo_does_not_write_into_a_folder_that_holds_files(tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")

    with pytest.raises(ConfigError, match=r"is not empty; name a new folder with --out"):
        run_demo(tmp_path, minutes=0.02)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan")])
def test_a_demo_needs_time_and_says_so_before_it_draws_anything(tmp_path, minutes: float) -> None:
    with pytest.raises(ConfigError, match="minutes must be above 0"):
        run_demo(tmp_path / "demo", minutes=minutes)

    assert not (tmp_path / "demo").exists()


class Oracle:
    """Stands in for a model: answers the truth of the scenes, which it knows by their pictures."""

    def __init__(self, samples: list[Sample]) -> None:
        self.tree = scene_tree()
        self._truth = {sample.picture.tobytes(): sample for sample in samples}

    def __call__(self, picture: np.ndarray, *, kind: str = "panoptic", level: int | None = None) -> Segmentation:
        sample = self._truth[picture.tobytes()]
        leaves = np.stack([sample.classes == leaf for leaf in self.tree.leaves]).astype(np.float32)
        values = np.stack([sample.attributes["body"] == value for value in (1, 2)]).astype(np.float32)
        answer = Segmentation.from_probabilities(self.tree, leaves, decoding=Decoding(level=level))
        if kind == "semantic":
            return answer
        sure = np.ones(sample.instances.max(), np.float32)
        objects = Objects.from_instances(self.tree, sample.instances, leaves, sure, attributes={"body": values})
        return replace(answer, objects=objects)


def cell(drawn: np.ndarray, row: int, column: int) -> np.ndarray:
    """A view on the page, without its caption."""
    top, left = row * (288 + 20) + 20, column * 384
    return drawn[top : top + 288, left : left + 384]


def test_the_page_shows_a_perfect_answer_as_it_shows_the_truth() -> None:
    samples = [generate("mixed", seed) for seed in (500, 501)]

    drawn = page(Oracle(samples), samples)

    assert drawn.shape[1] == 4 * 384
    for scene, sample in enumerate(samples):
        views = {(row, column): cell(drawn, 2 * scene + row, column) for row in (0, 1) for column in range(4)}
        large = cv2.resize(sample.picture, (384, 288), interpolation=cv2.INTER_CUBIC)
        labelled = cv2.resize(sample.classes, (384, 288), interpolation=cv2.INTER_NEAREST_EXACT) != 0
        np.testing.assert_array_equal(views[0, 0], large)
        np.testing.assert_array_equal(views[1, 0][labelled], views[1, 3][labelled])  # truth and panoptic
        pairs = [(a, b) for a in views for b in views if a < b and (a, b) != ((1, 0), (1, 3))]
        assert all((views[a] != views[b]).any() for a, b in pairs)


def test_the_page_needs_objects() -> None:
    sample = generate("mixed", 500)

    class Plain(Oracle):
        def __call__(self, picture: np.ndarray, **asked: object) -> Segmentation:
            return super().__call__(picture, kind="semantic")

    with pytest.raises(ShapeError, match="no objects, which the page shows"):
        page(Plain([sample]), [sample])


def test_counts_are_shown_with_their_intervals_where_there_are_any() -> None:
    row = {"true": 12, "predicted": 11, "mae": 0.25, "coverage": 0.917, "mean_width": 1.26}
    nodes = [{"class": path, **row} for path in ("person", "vehicle", "vehicle/car", "vehicle/bus")]
    calibrated = {"nodes": nodes, "nominal_coverage": 0.9, "shortage": None}
    short = {"nodes": nodes, "nominal_coverage": 0.9, "shortage": "too few"}
    console = Console(width=120)

    with console.capture() as with_intervals:
        console.print(count_table({"counts": calibrated}))
    with console.capture() as without:
        console.print(count_table({"counts": short}))

    assert "90% intervals" in with_intervals.get()
    assert ["person", "12", "11", "0.25", "1.3", "92%"] in [line.split() for line in with_intervals.get().splitlines()]
    assert ["person", "12", "11", "0.25"] in [line.split() for line in without.get().splitlines()]
