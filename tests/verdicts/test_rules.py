"""Files of rules, and verdicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.verdicts.rules import Rules

TREE = ClassTree({"ground": {}, "crack": {}, "car": {"kind": "thing"}})


def answer(pixels: int) -> Segmentation:
    """A row of 20 pixels that begins with a crack."""
    leaf = np.zeros((1, 20), int)
    leaf[0, :pixels] = 1
    return Segmentation.from_probabilities(TREE, np.moveaxis(np.eye(3)[leaf], -1, 0))


def test_one_condition_is_enough_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("bad when:\n  - crack longer than 5 px\n  - crack area > 50 %\n")
    rules = Rules.read(tmp_path / "good.yaml")

    verdicts = [rules.verdict(answer(pixels)) for pixels in (0, 5, 6, 11)]

    assert [v.bad for v in verdicts] == [False, False, True, True]
    assert verdicts[2].broken == ("crack longer than 5 px",)
    assert verdicts[3].broken == ("crack longer than 5 px", "crack area > 50 %")
    assert [v.score for v in verdicts] == sorted(v.score for v in verdicts)


def test_or_in_a_line_is_a_list() -> None:
    line = Rules.parse({"bad when": "crack longer than 5 px or crack area > 50 %"})

    assert line == Rules.parse({"bad when": ["crack longer than 5 px", "crack area > 50 %"]})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("bad wen: [crack present]", "did you mean 'bad when'?"),
        ("good when: [crack present]\nbad when: [x]", "the key 'good when', which is unknown"),
        ("- crack present", "must hold the key 'bad when'"),
        ("bad when: []", "by a list of conditions with at least one"),
        ("bad when: [3]", "by a list of conditions"),
        ("bad when: [a: b: c]", "is not valid YAML"),
        ("bad when: crack longer than 1 mm", 'the size of a pixel is not known; add --scale "0.05 mm/px"'),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError) as error:
        Rules.read(path)

    assert str(path) in str(error.value)
    assert sentence in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml cannot be read as text"):
        Rules.read(tmp_path / "nowhere.yaml")


def test_counting_needs_objects() -> None:
    with pytest.raises(ConfigError, match="counts objects, and these answers have none"):
        Rules.parse({"bad when": "more than 3 car"}).verdict(answer(3))


def test_a_scale_makes_millimetres() -> None:
    rules = Rules.parse({"bad when": "crack longer than 0.5 mm"}, scale="0.1 mm/px")

    assert [rules.verdict(answer(pixels)).bad for pixels in (5, 6)] == [False, True]


@pytest.mark.parametrize("wrong", ["0.05", "0 mm/px", "3 inch/px", ". mm/px"])
def test_a_wrong_scale_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"mm/px"):
        Rules.parse({"bad when": "crack present"}, scale=wrong)
