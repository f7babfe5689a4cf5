"""What an object is, by the votes of its life."""

from __future__ import annotations

import json

import numpy as np
import pytest

from smalta.answers.decoding import Decoding
from smalta.classes import ClassTree
from smalta.video.following.votes import Electorate, Votes, agreement

TREE = ClassTree(
    {
        "road": {},
        "vehicle": {
            "kind": "thing",
            "attributes": {"lights": ["on", "off"]},
            "children": {"car": {"children": ["audi", "honda"]}, "lorry": {}},
        },
        "person": {"kind": "thing", "attributes": {"clothing": ["staff", "other"]}},
    }
)
ROAD, AUDI, HONDA, LORRY, PERSON = range(5)  # leaves


def votes(*leaves: float, lights: tuple[float, float] = (1, 0)) -> Votes:
    return Votes(np.array(leaves), {"lights": np.array(lights), "clothing": np.array((0.0, 1.0))})


def test_the_node_is_the_best_child_of_the_best_parent() -> None:
    #                    road audi honda lorry person: vehicle has 0.6, car 0.35, lorry 0.25
    one = votes(0.0, 0.2, 0.15, 0.25, 0.4)

    assert Electorate(TREE, Decoding()).nodes([one]) == [TREE["audi"].id]


def test_the_sum_over_the_life_decides_not_the_last_detection() -> None:
    one = votes(0, 1, 0, 0, 0)
    one.add(votes(0, 1, 0, 0, 0))
    one.add(votes(0, 0, 0, 0, 1))

    assert Electorate(TREE, Decoding()).nodes([one]) == [TREE["audi"].id]


def test_a_detection_counts_by_its_weight() -> None:
    one = votes(0, 1, 0, 0, 0)

    one.add(votes(0, 0, 0, 0, 1), 3.0)

    assert Electorate(TREE, Decoding()).nodes([one]) == [TREE["person"].id]


def test_stuff_is_never_an_object() -> None:
    assert Electorate(TREE, Decoding()).nodes([votes(0.9, 0, 0, 0, 0.1)]) == [TREE["person"].id]


def test_an_unsure_vote_stops_at_the_parent() -> None:
    one = votes(0, 0.4, 0.3, 0.2, 0.1)

    assert Electorate(TREE, Decoding(min_confidence=0.6)).nodes([one]) == [TREE["car"].id]


def test_no_objects_have_no_nodes() -> None:
    assert Electorate(TREE, Decoding()).nodes([]) == []


def test_attributes_are_those_of_the_node_and_above() -> None:
    one = votes(0, 1, 0, 0, 0, lights=(0.2, 0.8))

    assert one.values(TREE, TREE["audi"].id) == {"lights": 2}
    assert one.values(TREE, TREE["person"].id) == {"clothing": 2}
    assert one.values(TREE, 0) == {}


def test_kinds_of_one_family_agree_more_than_families() -> None:
    traits = Electorate(TREE, Decoding()).traits(np.eye(5)[[AUDI, HONDA, LORRY, PERSON]])

    same, sister, cousin, stranger = agreement(traits[:1], traits)[0]

    assert same == pytest.approx(1)
    assert sister == pytest.approx(2 / 3)  # equal at two of three levels
    assert cousin == pytest.approx(1 / 3)
    assert stranger < 0.05


def test_restored_votes_are_equal() -> None:
    one = votes(0.1, 0.2, 0.3, 0.15, 0.25)

    again = Votes.restored(json.loads(json.dumps(one.state())))

    assert again.leaves.tolist() == one.leaves.tolist()
    assert {name: values.tolist() for name, values in again.attributes.items()} == {
        "lights": [1, 0],
        "clothing": [0, 1],
    }
