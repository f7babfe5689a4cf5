import json

import cv2
import numpy as np
import pytest

from smalta import demo
from smalta.classes import ClassTree
from smalta.data.dataset import open_dataset
from smalta.data.scenes import write_scenes
from smalta.demo import run_demo
from smalta.errors import ConfigError
from smalta.segmentation import Segmentation


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few scenes, so that a demo takes seconds."""
    for name, value in {"N_TRAIN": 8, "N_VAL": 2, "N_TEST": 3, "SHOWN": 2, "BATCH": 2, "CROP": 64}.items():
        monkeypatch.setattr(demo, name, value)


def test_a_demo_leaves_scenes_a_model_numbers_and_pictures_and_says_what_comes_next(small, tmp_path, capsys) -> None:
    result = run_demo(tmp_path / "demo", minutes=0.05)

    said = capsys.readouterr().out
    scenes = sorted(path.stem for path in (tmp_path / "demo/scenes/test/images").iterdir())
    assert len(scenes) == 3
    for folder in ("classes", "overlays"):
        assert sorted(path.stem for path in (result["answers"] / folder).iterdir()) == scenes
    assert (result["run"] / "model.safetensors").is_file()
    assert json.loads(result["report"].read_text()) == result["evaluation"]
    assert result["evaluation"]["n_pictures"] == 3
    assert cv2.imread(str(result["side_by_side"])).shape[1] == 3 * 2 * 256
    for words in (
        "side_by_side.png",
        "level 3 of the tree",
        "body, share of right pixels",
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
        run_demo(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan")])
def test_a_demo_needs_time_and_says_so_before_it_draws_anything(tmp_path, minutes: float) -> None:
    with pytest.raises(ConfigError, match="minutes must be above 0"):
        run_demo(tmp_path / "demo", minutes=minutes)

    assert not (tmp_path / "demo").exists()


class Oracle:
    """Stands in for a model: answers the truth of the scenes, which it knows by their pictures."""

    def __init__(self, dataset) -> None:
        self.tree: ClassTree = dataset.tree
        self._truth = {}
        for entry in dataset.split("test"):
            sample = dataset.read(entry)
            self._truth[sample.picture.tobytes()] = sample.classes

    def __call__(self, picture: np.ndarray) -> Segmentation:
        classes = self._truth[picture.tobytes()]
        return Segmentation(
            tree=self.tree, classes=classes, probabilities=np.zeros((self.tree.n_leaves, *classes.shape), np.float32)
        )


def test_truth_and_a_perfect_answer_look_alike_side_by_side(small, tmp_path) -> None:
    write_scenes(tmp_path, n_train=2, n_val=0, n_test=2)
    dataset = open_dataset(tmp_path)

    page = demo._side_by_side(Oracle(dataset), dataset)

    width, top, bottom = 2 * 256, 20, 20 + 2 * 2 * 192  # captions above, the legend below
    picture, truth, answer = (page[top:bottom, i * width : (i + 1) * width] for i in range(3))
    np.testing.assert_array_equal(truth, answer)
    assert np.abs(picture.astype(int) - truth).mean() > 20
