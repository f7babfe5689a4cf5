from __future__ import annotations

import io
import json

import numpy as np
from rich.console import Console

from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.metrics.evaluation import Evaluation
from smalta.metrics.trivial import TrivialAnswers
from smalta.report.evaluation_table import evaluation_table

BINARY = ClassTree(["ground", "crack"])
CARS = ClassTree(
    {
        "sky": {},
        "sign": {},
        "car": {"children": {"audi": {}, "[b]honda": {}}, "attributes": {"body": ["passenger", "lorry"]}},
    }
)


def shown(evaluation: Evaluation, unreadable: list[dict[str, str]] | None = None, shortfall: str | None = None) -> str:
    report = evaluation.report(
        dataset="streets", split="test", unreadable=unreadable or [], shortfall=shortfall, n_resamples=50
    )
    console = Console(width=160, file=io.StringIO())
    with console.capture() as capture:
        console.print(evaluation_table(json.loads(json.dumps(report))))
    return capture.get()


def evaluation_of(
    tree: ClassTree,
    truth: list[int],
    leaf: list[int],
    threshold: float | None = None,
    trivial: TrivialAnswers | None = None,
) -> Evaluation:
    probabilities = np.eye(tree.n_leaves, dtype=np.float32)[:, [leaf]]
    attributes = {a.name: np.ones((len(a.values), 1, len(truth)), np.float32) for a in tree.attributes}
    answer = Segmentation.from_probabilities(tree, probabilities, attributes=attributes)
    evaluation = Evaluation(tree, threshold, trivial=trivial)
    for name in ("one", "two"):
        evaluation.add(name, np.array([truth], np.uint16), answer, {"body": np.full((1, len(truth)), 1, np.uint8)})
    return evaluation


def line_with(text: str, *words: str) -> str:
    return next(line for line in text.splitlines() if all(word in line for word in words))


def test_a_tree_is_shown_level_by_level_with_absent_classes_named() -> None:
    text = shown(evaluation_of(CARS, truth=[1, 1, 4, 5], leaf=[0, 0, 3, 3]))

    assert "streets, split test: 2 pictures, 100.0% of the pixels labelled" in text
    assert text.index("Classes at level 2") < text.index("Classes at level 1")
    assert "0.5000" in line_with(text, "mean IoU", "level 2")  # sky 1, audi 0, honda 0.5
    assert "0.5000 .. 0.5000" in line_with(text, "mean IoU", "level 2")
    assert "absent" in line_with(text, "sign")
    assert "0.5000" in line_with(text, "car/[b]honda", "25.00%", "0.6667")
    assert "car/[b]honda 100.0%" in line_with(text, "car/audi", "25.00%")
    assert "1.0000" in line_with(text, "passenger")
    assert "absent" in line_with(text, "lorry")
    assert "2.0000" in line_with(text, "tree distance of errors")


def test_a_binary_report_names_the_positive_class_and_both_thresholds() -> None:
    text = shown(evaluation_of(BINARY, truth=[1, 2, 2, 1], leaf=[0, 1, 0, 0], threshold=0.375))

    assert "positive class: crack; threshold from validation 0.375" in text
    assert "0.6667" in line_with(text, "F1", "threshold 0.375")
    assert "1.0000" in line_with(text, "F1, 2 px tolerance", "threshold 0.5")


def test_a_binary_report_without_a_chosen_threshold_says_so() -> None:
    assert "no threshold was chosen" in shown(evaluation_of(BINARY, truth=[1, 2], leaf=[0, 1]))


def test_numbers_that_do_not_exist_are_shown_as_such() -> None:
    text = shown(evaluation_of(BINARY, truth=[1, 1], leaf=[0, 0]))

    assert line_with(text, "F1", "threshold 0.5").split("│")[3].strip() == "-"
    assert "absent" in line_with(text, "│ crack")


def test_unreadable_pictures_are_listed_and_a_long_list_is_cut() -> None:
    broken = [{"name": f"p{i}", "reason": f"p{i}.png is [truncated]"} for i in range(12)]

    text = shown(evaluation_of(BINARY, truth=[1, 2], leaf=[0, 1]), broken)

    assert "12 pictures cannot be read" in text
    assert "p9: p9.png is [truncated]" in text
    assert "p10:" not in text
    assert "and 2 more" in text


def test_the_trivial_answer_stands_beside_its_number_and_a_model_that_is_not_better_is_named() -> None:
    trivial = TrivialAnswers(frequent=("ground",), stuff=("ground",))

    worse = shown(evaluation_of(BINARY, truth=[1, 1, 1, 2], leaf=[0, 0, 0, 0], trivial=trivial))
    better = shown(evaluation_of(BINARY, truth=[1, 1, 1, 2], leaf=[0, 0, 0, 1], trivial=trivial))

    assert "0.3750 a" in line_with(worse, "mean IoU", "level 1")
    assert "a = all ground" in worse
    assert 'by its mean IoU (level 1) the model is not better than the trivial answer "all ground": 0.3750' in worse
    assert "not better" not in better


def test_without_trivial_answers_there_is_no_column_for_them() -> None:
    assert "trivial" not in shown(evaluation_of(BINARY, truth=[1, 2], leaf=[0, 1]))


def test_a_model_of_too_few_steps_is_named() -> None:
    text = shown(evaluation_of(BINARY, truth=[1, 2], leaf=[0, 1]), shortfall="trained for 32 of about 600 steps")

    assert "trained for 32 of about 600 steps" in text.splitlines()[-1]
