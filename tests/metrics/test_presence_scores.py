"""Presence in answers against presence in labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smalta.answers.evidence import Evidence
from smalta.answers.presence import Presence
from smalta.answers.presence_calibration import NodeCalibration, PresenceCalibration
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.metrics.presence_scores import PresenceScores

TREE = ClassTree({"ground": {}, "defect": {"children": {"crack": {}, "hole": {}}}})
CALIBRATION = PresenceCalibration(
    nodes={
        "ground": NodeCalibration(pictures=3, present=3),
        "defect/crack": NodeCalibration(pictures=9, present=4, slope=2, offset=-1),
    }
)


def presence(pixels: int) -> Presence:
    """An answer of 100 pixels, some of them a sure crack."""
    leaf = np.zeros((10, 10), int)
    leaf.flat[:pixels] = 1
    answer = Segmentation.from_probabilities(TREE, np.moveaxis(np.eye(3)[leaf], -1, 0))
    evidence = Evidence.of_probabilities(TREE, answer.probabilities, {})
    return replace(answer, evidence=replace(evidence, calibration=CALIBRATION)).presence()


def test_missed_and_false_nodes_are_counted_where_the_labels_say_what_is_there() -> None:
    scores = PresenceScores(TREE, CALIBRATION)
    cracked, coarse = np.ones((2, 10, 10), np.uint16)
    cracked[0, 0], coarse[0, 0] = 3, 2
    scores.add(cracked, presence(5))  # found
    scores.add(cracked, presence(0))  # missed
    scores.add(np.ones((10, 10), np.uint16), presence(5))  # false
    scores.add(coarse, presence(5))  # a defect, of a kind that nobody knows

    rows = {row["class"]: row for row in scores.to_dict()["nodes"]}

    assert [rows["defect/crack"][k] for k in ("known_pictures", "true", "missed", "false")] == [3, 2, 1, 1]
    assert [rows["defect"][k] for k in ("known_pictures", "true", "missed", "false")] == [4, 3, 1, 1]
    sure, unsure = 1 / (1 + np.exp(1 - 2 * np.log1p(5))), 1 / (1 + np.exp(1))
    assert rows["defect/crack"]["brier"] == pytest.approx(((1 - sure) ** 2 + (1 - unsure) ** 2 + sure**2) / 3)
    assert rows["ground"]["not_calibrated"] == "all of 3 validation pictures have it"
    assert rows["defect"]["not_calibrated"] == "the model was trained without it"
    assert scores.to_dict()["reliability"]["predictions"] == 3
