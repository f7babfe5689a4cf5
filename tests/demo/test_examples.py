"""Every example writes a data set that can be trained on, and draws its picture and its line from any model of it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smalta.answers.count_intervals import CountCalibration, NodeErrors
from smalta.answers.decoding import Decoding
from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.check import check
from smalta.data.dataset import Dataset
from smalta.data.sample import Sample
from smalta.demo.examples import EXAMPLES, Example, cells, cracks, document, scenes, shop, text
from smalta.demo.examples.choosing import with_most
from smalta.demo.examples.counted import with_interval
from smalta.demo.examples.example import Example as Described
from smalta.demo.examples.panels import enlarged, row
from smalta.demo.examples.semantic_rows import semantic_rows
from smalta.errors import ConfigError
from smalta.metrics.evaluation import Evaluation
from smalta.scenes.data_set import write_data_set

EIGHT = ("text", "cracks", "document", "parking", "drive", "shop", "cells", "street")
every_example = pytest.mark.parametrize("name", EIGHT)


class Oracle:
    """Stands in for a model: answers the truth of the pictures that it knows, or the first leaf everywhere."""

    class Info:
        counting = None

    def __init__(self, tree: ClassTree, samples: list[Sample], *, knows: bool = True) -> None:
        self.tree, self.info, self._knows = tree, self.Info(), knows
        self._truth = {sample.picture.tobytes(): sample for sample in samples}

    def __call__(self, picture: np.ndarray, *, kind: str | None = None, level: int | None = None) -> Segmentation:
        sample, tree = self._truth[picture.tobytes()], self.tree
        classes = sample.classes if self._knows else np.full_like(sample.classes, tree.leaves[0])
        leaves = np.stack([classes == leaf for leaf in tree.leaves]).astype(np.float32)
        leaves[0] += leaves.sum(axis=0) == 0  # unlabelled pixels get the first leaf
        answer = Segmentation.from_probabilities(tree, leaves, decoding=Decoding(level=level))
        if kind == "semantic" or sample.instances is None:
            return answer
        instances = sample.instances if self._knows else np.zeros_like(sample.instances)
        values = {
            attribute.name: np.stack(
                [sample.attributes[attribute.name] == value + 1 for value in range(len(attribute.values))]
            ).astype(np.float32)
            for attribute in tree.attributes
        }
        sure = np.ones(instances.max(), np.float32)
        objects = Objects.from_instances(tree, instances, leaves, sure, attributes=values)
        return replace(answer, objects=objects, attributes=values)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Dataset]:
    """The data sets of all examples, with few pictures."""

    def write_few(out: Path, tree: ClassTree, draw: Callable[[int], Sample], *, seed: int = 0, **_: int) -> Path:
        return write_data_set(out, tree, draw, n_train=3, n_val=1, n_test=4, seed=seed)

    folder = tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        for module in (cells, cracks, document, scenes, shop, text):
            patch.setattr(module, "write_data_set", write_few)
        return {name: open_dataset(example.write(folder / name)) for name, example in EXAMPLES.items()}


def judged(example: Example, dataset: Dataset, *, knows: bool) -> tuple[Oracle, dict[str, Any]]:
    """A stand-in for a model, and its report on the test split."""
    samples = list(dataset.read_many(dataset.split("test")))
    model = Oracle(dataset.tree, samples, knows=knows)
    evaluation = Evaluation(dataset.tree)
    for sample in samples:
        kind = "semantic" if sample.instances is None else "panoptic"
        answer = model(sample.picture, kind=kind)
        evaluation.add(sample.name, sample.classes, answer, sample.attributes, sample.instances)
    return model, evaluation.report(dataset=example.name, split="test", n_resamples=20)


def test_there_are_eight_examples_in_the_order_of_the_command() -> None:
    assert tuple(EXAMPLES) == EIGHT
    assert all(name == example.name for name, example in EXAMPLES.items())


@every_example
def test_a_data_set_has_three_splits_and_no_error_for_the_doctor(name: str, written: Mapping[str, Dataset]) -> None:
    dataset = written[name]

    assert set(dataset.splits) == {"train", "val", "test"}
    assert dataset.has_instances == (EXAMPLES[name].kind in ("instance", "panoptic") or name == "drive")
    assert [finding.message for finding in check(dataset.root).findings if finding.level == "error"] == []


@every_example
def test_a_training_is_bounded_and_small(name: str) -> None:
    settings = EXAMPLES[name].settings

    if settings is None:
        assert EXAMPLES[name].start == "shipped"
    else:
        assert settings.steps <= 150
        assert settings.batch * settings.crop**2 <= 8 * 160**2
        assert settings.kind == EXAMPLES[name].kind


@every_example
def test_a_perfect_answer_and_a_trivial_one_have_a_picture_and_a_line(
    name: str, written: Mapping[str, Dataset]
) -> None:
    example, dataset = EXAMPLES[name], written[name]

    drawn, lines = [], []
    for knows in (True, False):
        model, report = judged(example, dataset, knows=knows)
        drawn.append(example.picture(model, dataset))
        lines.append(example.score(report, dataset))

    for picture in drawn:
        assert picture.dtype == np.uint8
        assert picture.ndim == 3
        assert 1000 <= picture.shape[1] <= 1400
        assert 300 <= picture.shape[0] <= 1000
    assert drawn[0].shape[1] == drawn[1].shape[1]
    rows = min(drawn[0].shape[0], drawn[1].shape[0])
    assert (drawn[0][:rows] != drawn[1][:rows]).any()
    assert lines[0] != lines[1]
    assert all("\n" not in line and "unseen" in line and "(" in line for line in lines)


@every_example
def test_commands_can_be_copied_as_they_are(name: str) -> None:
    said = EXAMPLES[name].commands(Path("a folder")).splitlines()

    words = [shlex.split(line) for line in said if not line.startswith("# ")]
    options = {action for command in words for action in command if action.startswith("--")}
    assert all(command[0] == "smalta" and command[1] in ("count", "predict", "train") for command in words)
    assert any(part.startswith("a folder/") for part in words[0])
    assert words[-1][:3] == ["smalta", "train", "mine"]
    assert options <= {"--out", "--overlay", "--level", "--kind", "--minutes"}
    assert [line.startswith("# ") for line in said] == [True, False] * len(words)


def test_lines_show_the_trivial_answer_beside(written: Mapping[str, Dataset]) -> None:
    _, report = judged(EXAMPLES["cracks"], written["cracks"], knows=False)  # sound everywhere: the trivial answer

    line = EXAMPLES["cracks"].score(report, written["cracks"])

    first, second = line.partition("; ")[::2]
    assert f"defect or sound {report['levels'][0]['mean_iou']:.2f}" in first
    assert f"most frequent class: {report['levels'][0]['mean_iou']:.2f})" in first
    assert f"most frequent class: {report['levels'][1]['mean_iou']:.2f})" in second


def test_a_count_has_its_interval_if_the_model_has_one() -> None:
    tree = ClassTree({"ground": {}, "box": {"kind": "thing"}})
    instances = np.repeat(np.arange(4, dtype=np.int32), 10).reshape(4, 10)
    leaves = np.stack([instances == 0, instances > 0]).astype(np.float32)
    objects = Objects.from_instances(tree, instances, leaves, np.ones(3, np.float32))
    model = Oracle(tree, [])

    without = with_interval(model, objects, "box")
    # a reach of 1 * sqrt(3 + 1) = 2 on both sides
    model.info.counting = CountCalibration(
        pictures=20, nodes={"box": NodeErrors(pictures=20, found=1.0, empty=None)}, coverage=0.9
    )

    assert without == "3"
    assert with_interval(model, objects, "box") == "3 (90%: 1 to 5)"


def test_an_example_without_training_starts_from_the_shipped_model() -> None:
    fields = {name: getattr(EXAMPLES["street"], name) for name in Described.__slots__}

    with pytest.raises(ConfigError, match="no training, so it must start from 'shipped'"):
        Described(**fields | {"start": "imagenet"})


def test_enlarged_maps_keep_their_numbers() -> None:
    numbers = np.array([[0, 70000], [3, 0]], dtype=np.int32)

    large = enlarged(numbers, 6)

    assert large.dtype == np.int32
    assert large.shape == (6, 6)
    assert (large[:3, 3:] == 70000).all()
    assert (large[3:, :3] == 3).all()
    assert enlarged(numbers > 0, 4).dtype == bool


def test_a_row_has_all_pictures_below_their_titles() -> None:
    pictures = [np.full((30, 100, 3), shade, dtype=np.uint8) for shade in (50, 90)]

    drawn = row([("first", pictures[0]), ("second", pictures[1])])

    np.testing.assert_array_equal(drawn[-30:, :100], pictures[0])
    np.testing.assert_array_equal(drawn[-30:, -100:], pictures[1])
    assert drawn[:-30, :100].max() > 200  # letters


def test_the_shown_pictures_are_those_in_which_the_rarest_class_is_largest(written: Mapping[str, Dataset]) -> None:
    dataset = written["cracks"]
    nodes = [dataset.tree[name].id for name in ("crack", "scratch")]

    chosen = with_most(dataset, ["crack", "scratch"], 2)

    least = {
        entry.name: min(np.count_nonzero(dataset.read(entry).classes == node) for node in nodes)
        for entry in dataset.split("test")
    }
    assert [least[entry.name] for entry in chosen] == sorted(least.values(), reverse=True)[:2]


def test_a_perfect_answer_looks_like_the_truth_at_the_finest_level_and_unlike_it_above(
    written: Mapping[str, Dataset],
) -> None:
    dataset = written["cracks"]
    model, _ = judged(EXAMPLES["cracks"], dataset, knows=True)
    entries = with_most(dataset, ["crack", "scratch"], 1)

    drawn = semantic_rows(model, dataset, entries, {1: "one", 2: "two"}, width=200, hidden=["sound"])

    # four panels of 200 pixels with gaps of 8, below their titles and above the legend
    picture, first, second, truth = (drawn[40:160, left : left + 200] for left in (0, 208, 416, 624))
    np.testing.assert_array_equal(second, truth)
    assert (first != truth).any()
    assert (first != picture).any()
