"""Conditions of rule files: their grammar, what they compare, and what a wrong one says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from smalta.answers.presence import NodePresence, Presence
from smalta.answers.regions import Region
from smalta.answers.scale import Scale
from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.verdicts.condition import Condition, Reading

TREE = ClassTree(
    {
        "ground": {},
        "defect": {"children": {"crack": {}, "hole": {}}},
        "car": {"kind": "thing", "attributes": {"body": ["van", "lorry"]}},
    }
)
CRACK = {"probability": 0.7, "area": 40, "region": Region(area=30, box_xyxy=(0, 0, 15, 2), length=15, width=2)}


def presence(**nodes: Mapping[str, Any]) -> Presence:
    """A picture of 100 x 20 pixels; nodes by name, the others are not there."""
    rows = []
    for node in TREE:
        given = dict(nodes.get(node.name, {}))
        base: dict[str, Any] = {"probability": None, "area": 0, "region": None, "objects": None, "values": {}}
        row = base | given
        there = row["area"] > 0 if row["probability"] is None else row["probability"] >= 0.5
        rows.append(NodePresence(node=node.path, level=node.depth, present=there, share=row["area"] / 2000, **row))
    return Presence(tree=TREE, size_hw=(20, 100), nodes=tuple(rows))


def read(text: str, found: Presence, scale: Scale | None = None) -> Reading:
    return Condition.parse(text, "good.yaml").for_tree(TREE, "good.yaml").read(found, scale)


@pytest.mark.parametrize(
    ("text", "holds", "value"),
    [
        ("defect/crack present", True, 0.7),
        ("crack absent", False, 0.7),
        ("hole present", False, None),
        ("hole absent", True, None),
        ("crack present with probability > 0.5", True, 0.7),
        ("crack present with probability > 0.7", False, 0.7),
        ("crack present with probability >= 0.7", True, 0.7),
        ("crack longer than 12 px", True, 15),
        ("crack longer than 15px", False, 15),
        ("crack shorter than 16 px", True, 15),
        ("hole shorter than 16 px", False, None),
        ("hole longer than 1 px", False, 0),
        ("crack wider than 1.5 px", True, 2),
        ("crack larger than 30 px2", False, 30),
        ("crack larger than 29 px²", True, 30),
        ("crack larger than 1.4 %", True, 1.5),
        ("crack area > 1.9 %", True, 2),
        ("crack area <= 40 px2", True, 40),
        ("more than 3 car", True, 4),
        ("more than 4 car", False, 4),
        ("fewer than 5 car", True, 4),
        ("car body lorry > 50 %", True, 75),
        ("car body van > 50 %", False, 25),
    ],
)
def test_a_condition_compares_what_it_says(text: str, holds: bool, value: float | None) -> None:
    car = {"area": 100, "objects": 4, "values": {"body": {"van": 0.25, "lorry": 0.75}}}
    found = read(text, presence(crack=CRACK, car=car))

    assert found.holds == holds
    assert found.value == (None if value is None else pytest.approx(value))
    assert (found.score >= 0.5) == holds
    assert 0 <= found.score <= 1


def test_millimetres_follow_from_the_scale() -> None:
    found = presence(crack=CRACK)

    assert read("crack longer than 0.7 mm", found, Scale(0.05)).value == pytest.approx(0.75)
    assert read("crack area > 0.09 mm2", found, Scale(0.05)).value == pytest.approx(0.1)


def test_the_score_orders_pictures_on_both_sides_of_the_limit() -> None:
    def score(length: float, p: float) -> float:
        region = Region(area=9, box_xyxy=(0, 0, 1, 1), length=length, width=1)
        return read("crack longer than 10 px", presence(crack={"probability": p, "area": 9, "region": region})).score

    assert score(1, 0.1) < score(1, 0.9) < score(9, 0.9) < 0.5 < score(11, 0.9) < score(30, 0.9)
    assert score(0, 0.0) == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("crak present", "did you mean 'crack'?"),
        ("defect/scratch present", "there is no class 'defect/scratch'"),
        ("crack longer than 12", "has no unit for its limit; use px or mm"),
        ("crack longer than 12 %", "has the unit '%'; use px or mm"),
        ("crack longer then 12 px", "is not a condition; the nearest form is 'NODE longer than 12 px'"),
        ("crack present with probability > 50", "it must lie between 0 and 1"),
        ("more than 3 hole", "counts 'defect/hole', which has no objects; classes with objects are car"),
        ("car body lory > 50 %", "did you mean 'car body lorry'?"),
        ("ground body lorry > 50 %", "only 'car' has it"),
    ],
)
def test_a_wrong_condition_is_named_with_the_rule_and_a_way_out(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(text, presence())

    assert str(error.value).startswith("good.yaml: ")
    assert sentence in str(error.value)
