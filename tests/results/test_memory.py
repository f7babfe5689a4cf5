from __future__ import annotations

from typing import Any

from small_models import CARS
from smalta.answers.decoding import Decoding
from smalta.classes import ClassTree
from smalta.description.kinds import Kind
from smalta.description.model_info import ModelInfo
from smalta.description.network_config import NetworkConfig
from smalta.results.memory import answer_bytes
from smalta.results.options import OutputOptions


def test_what_is_made_of_a_picture_takes_more_bytes_the_more_is_asked_for() -> None:
    def needed(tree: ClassTree, kind: Kind = "semantic", **options: Any) -> int:
        network = NetworkConfig.for_tree(tree, objects=kind == "panoptic")
        return answer_bytes(ModelInfo(tree=tree, network=network, kind=kind), OutputOptions(**options))

    flat = ClassTree({"a": {}, "b": {}, "c": {"kind": "thing"}})

    assert needed(flat) == 16
    assert needed(flat, "panoptic") == 16 + 8 * 3 + 10
    assert needed(CARS) == 16 + 8 * (3 + 2)
    assert needed(flat, decoding=Decoding(min_confidence=0.5)) == 16 + 8 * 3
    assert needed(flat, outputs={"probabilities"}) == 16 + 12 * 3
    assert needed(flat, "panoptic", outputs={"overlay"}) == needed(flat, outputs={"overlay"}) == 85
