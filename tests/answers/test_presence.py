"""What is in a picture: a row for every node, with its probability where one was learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smalta.answers.evidence import Evidence
from smalta.answers.presence_calibration import NodeCalibration, PresenceCalibration
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.errors import ConfigError

TREE = ClassTree({"ground": {}, "defect": {"children": {"crack": {}, "hole": {}}}})


def answer(evidence: Evidence | None = None) -> Segmentation:
    """10 x 8 pixels of ground with a crack of four pixels and a hole of one."""
    leaf = np.zeros((8, 10), int)
    leaf[3, 2:6], leaf[6, 8] = 1, 2
    probabilities = np.moveaxis(np.eye(3)[leaf], -1, 0)
    return replace(Segmentation.from_probabilities(TREE, probabilities), evidence=evidence)


def calibration(**nodes: tuple[float, float]) -> PresenceCalibration:
    """Slope and offset by path, "/" written as "__"."""
    return PresenceCalibration(
        nodes={
            path.replace("__", "/"): NodeCalibration(pictures=9, present=4, slope=slope, offset=offset)
            for path, (slope, offset) in nodes.items()
        }
    )


def test_without_calibration_a_node_is_there_if_it_has_a_pixel() -> None:
    found = answer().presence()

    assert [row.node for row in found if row.present] == ["ground", "defect", "defect/crack", "defect/hole"]
    assert found["crack"].area == 4
    assert found["crack"].share == 4 / 80
    assert found["crack"].region is not None
    assert (found["crack"].region.length, found["crack"].region.box_xyxy) == (4, (2, 3, 6, 4))
    assert found["defect"].area == 5
    assert found["crack"].probability is None


def test_with_calibration_probability_decides_not_a_stray_pixel() -> None:
    evidence = replace(Evidence.of_probabilities(TREE, answer().probabilities, {}), calibration=calibration(
        defect=(1, -9), defect__crack=(2, np.log(3) - 2 * np.log1p(4)), defect__hole=(1, -9)
    ))  # fmt: skip

    found = answer(evidence).presence()

    assert found["crack"].probability == pytest.approx(0.75)
    assert found["hole"].probability == pytest.approx(2 / (np.exp(9) + 2), rel=1e-3)
    assert (found["crack"].present, found["hole"].present) == (True, False)
    assert found["hole"].area == 1


def test_a_parent_is_at_least_as_likely_as_its_children() -> None:
    evidence = replace(Evidence.none(TREE), calibration=calibration(defect=(1, -9), defect__crack=(1, 1)))

    found = answer(evidence).presence()

    assert found["defect"].probability == found["crack"].probability == pytest.approx(1 / (1 + np.exp(-1)))
    assert found["defect"].present


def test_a_parent_without_calibration_is_there_if_a_child_is() -> None:
    evidence = replace(Evidence.none(TREE), calibration=calibration(defect__crack=(1, 1)))
    empty = Segmentation.from_probabilities(TREE, np.moveaxis(np.eye(3)[np.zeros((4, 4), int)], -1, 0))

    found = replace(empty, evidence=evidence).presence()

    assert (found["defect"].present, found["defect"].area, found["defect"].region) == (True, 0, None)


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        (NodeCalibration(pictures=9, present=0), "none of 9 validation pictures have it"),
        (NodeCalibration(pictures=9, present=9), "all of 9 validation pictures have it"),
        (NodeCalibration(pictures=0, present=0), "the labels of no validation picture say whether it is there"),
        (NodeCalibration(pictures=9, present=2), "does not separate the 2 of 9 validation pictures that have it"),
    ],
)
def test_a_node_that_is_not_calibrated_says_why(node: NodeCalibration, sentence: str) -> None:
    assert sentence in (node.shortage or "")
    assert np.isnan(PresenceCalibration(nodes={"defect": node}).probabilities(TREE, np.ones(5))).all()


def test_a_calibration_is_read_as_it_is_written() -> None:
    given = calibration(defect=(1.5, -2.0))

    assert PresenceCalibration.from_dict(given.to_dict()) == given


@pytest.mark.parametrize(
    "wrong",
    [
        {"pictures": 3, "present": 4, "slope": None, "offset": None},
        {"pictures": 3, "present": 1, "slope": -1.0, "offset": 0.0},
        {"pictures": 3, "present": 1, "slope": 1.0, "offset": None},
        {"pictures": 3, "present": 1, "slope": 1.0},
    ],
)
def test_a_wrong_calibration_is_refused(wrong: dict[str, float | None]) -> None:
    with pytest.raises(ConfigError, match="calibration of presence"):
        PresenceCalibration.from_dict({"nodes": {"defect": wrong}})
