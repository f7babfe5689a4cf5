from __future__ import annotations

from typing import Any

import pytest

from smalta.answers.fields import HEADS, Head, HeadConfig, heads_of
from smalta.classes import Attribute, ClassTree
from smalta.description.model_info import ModelInfo
from smalta.description.network_config import NetworkConfig
from smalta.errors import ConfigError

LIT = Attribute(name="lit", node=1, values=("on", "off"), start=0)
HUE = Attribute(name="hue", node=2, values=("red", "green", "blue"), start=2)


def test_a_network_has_the_heads_that_its_configuration_names() -> None:
    every = HeadConfig(n_leaves=5, n_attribute_values=3, objects=True)

    assert [head.name for head in heads_of(every)] == ["semantic", "attributes", "center", "offsets"]
    assert [head.channels(every) for head in heads_of(every)] == [5, 3, 1, 2]
    assert [head.name for head in heads_of(HeadConfig(n_leaves=5))] == ["semantic"]


def test_a_head_is_one_field_or_one_for_each_attribute() -> None:
    semantic, attributes, center, offsets = HEADS[:4]

    assert attributes.fields((LIT, HUE)) == {"attribute:lit": slice(0, 2), "attribute:hue": slice(2, 5)}
    assert attributes.fields(()) == {}
    assert [list(head.fields((LIT, HUE))) for head in (semantic, center, offsets)] == [
        ["semantic"],
        ["center"],
        ["offsets"],
    ]


def test_no_two_heads_share_a_name_or_a_map() -> None:
    names = [head.name for head in HEADS]
    others = [head.map_name for head in HEADS if head.map_name is not None]

    assert len({*names, *others}) == len(names) + len(others)


def test_a_model_lists_its_fields_maps_and_outputs_in_the_order_of_the_heads() -> None:
    tree = ClassTree({"sky": {}, "car": {"kind": "thing", "attributes": {"lit": ["on", "off"], "hue": [1, 2, 3]}}})

    info = ModelInfo(tree=tree, network=NetworkConfig.for_tree(tree, objects=True))

    fields = {"semantic": 2, "attribute:lit": 2, "attribute:hue": 3, "center": 1, "offsets": 2}
    assert list(info.fields.items()) == list(fields.items())
    assert list(info.maps.items()) == [("logits", 2), ("attribute_logits", 5), ("center", 1), ("offsets", 2)]
    assert list(info.outputs.items()) == [*fields.items(), ("logits", 2), ("attribute_logits", 5)]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"activation": "softmax"}, "'depth': a softmax comes after the resize, so it needs full_size"),
        ({"full_size": True}, "'depth': map_name must be set if the field is another array than the map"),
        ({"map_name": "depths"}, "'depth': map_name must be set"),
    ],
)
def test_a_head_that_contradicts_itself_is_refused(told: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Head(name="depth", channels=lambda config: 1, **told)
