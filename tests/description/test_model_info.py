from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile import damaged, plain
from smalta.answers.count_intervals import CountCalibration, NodeErrors
from smalta.answers.grouping import GroupingRule
from smalta.answers.presence_calibration import NodeCalibration, PresenceCalibration
from smalta.classes import ClassTree
from smalta.description.kinds import KINDS
from smalta.description.model_info import ModelInfo
from smalta.description.network_config import NetworkConfig
from smalta.errors import ModelError, SmaltaError

TREE = ClassTree(
    {"sky": {"ids": [4]}, "car": {"kind": "thing", "children": ["bus", "van"], "attributes": {"lit": ["on", "off"]}}}
)
INFO = ModelInfo(
    tree=TREE,
    network=NetworkConfig.for_tree(TREE, encoder="plain", width=12, objects=True),
    kind="panoptic",
    grouping=GroupingRule(min_stuff=(0.0, 0.1, 0.0, 0.0, 0.0)),
    counting=CountCalibration(pictures=12, nodes={"car/bus": NodeErrors(pictures=12, found=0.5, empty=None)}),
    presence=PresenceCalibration(nodes={"car": NodeCalibration(pictures=9, present=4, slope=1.5, offset=-2.0)}),
    facts={"step": 7, "validation_miou": None, "settings": {"seed": 3}},
)
WHOLE: dict[str, Any] = json.loads(json.dumps(INFO.to_dict()))


def test_a_description_comes_back_from_json_equal() -> None:
    assert ModelInfo.from_dict(WHOLE) == INFO


def test_a_description_without_a_precision_means_fp32() -> None:
    assert ModelInfo.from_dict({key: value for key, value in WHOLE.items() if key != "precision"}) == INFO


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format_version": True}, "its format version is true, but this smalta reads at most 1; update smalta"),
        ({"format_version": 9, "cameras": 2}, "is 9, but this smalta reads at most 1; update smalta"),
        ({"cameras": 2}, r"unknown keys \['cameras'\] in its description; known keys are .*; train or export it again"),
        ({"precision": "fp8"}, "'precision' of its description is 'fp8', not 'fp32' or 'bf16' or 'int8'; train or"),
        ({"kind": "stereo"}, "'kind' of its description is 'stereo', not 'binary' or 'semantic' or 'instance' or"),
        ({"kind": ["binary"]}, "'kind' of its description is a list of 1, not"),
        ({"threshold": math.nan}, "'threshold' of its description is NaN, not a finite number or null; train"),
        ({"threshold": True}, "'threshold' of its description is true, not a finite number or null; train"),
        ({"facts": None}, "'facts' of its description is null, not a mapping"),
        ({"network": WHOLE["network"] | {"objects": False}}, "its kind 'panoptic' and its network do not fit"),
        ({"network": WHOLE["network"] | {"width": True}}, "'width' of the network configuration is true, not a whole"),
        ({"network": WHOLE["network"] | {"stride": 2.0}}, "'stride' of the network configuration is 2.0, not a whole"),
        ({"grouping": {"min_stuff": [0.0, "a"]}}, "'min_stuff.1' of the grouping rule is 'a', not a finite number"),
        (
            {"presence": {"nodes": {"bike": WHOLE["presence"]["nodes"]["car"]}}},
            "its presence and its class tree do not fit",
        ),
        ({"grouping": {"min_area": 0.5}}, "'min_area' of the grouping rule is 0.5, not a whole number"),
    ],
)
def test_a_description_that_is_damaged_is_refused_in_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SmaltaError, match=sentence):
        ModelInfo.from_dict(WHOLE | changes)


@pytest.mark.parametrize("values", [None, [], "a", 3])
def test_a_description_is_a_mapping(values: Any) -> None:
    with pytest.raises(ModelError, match=r"its description is .*, not a mapping; train or export it again"):
        ModelInfo.from_dict(values)


@given(values=damaged(WHOLE) | st.fixed_dictionaries(dict.fromkeys(WHOLE, plain)))
def test_a_description_damaged_anywhere_is_read_or_refused_in_words(values: dict[str, Any]) -> None:
    try:
        info = ModelInfo.from_dict(values)
    except SmaltaError:
        return
    assert info.kind in KINDS
    assert info.fields
    assert ModelInfo.from_dict(info.to_dict()) == info
