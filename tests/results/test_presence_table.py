"""presence.csv: a line for each picture and node, in pixels and in mm."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from smalta.answers.evidence import Evidence
from smalta.answers.presence_calibration import NodeCalibration, PresenceCalibration
from smalta.answers.scale import Scale
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.results.options import OutputOptions
from smalta.results.presence_table import columns, rows
from smalta.results.result_folder import ResultFolder
from smalta.results.verdict_table import tally
from smalta.verdicts.rules import Rules

TREE = ClassTree({"ground": {}, "car": {"attributes": {"body": ["van", "lorry"]}, "children": {"a": {}, "b": {}}}})


def answer(pixels: int = 4) -> Segmentation:
    """10 x 8 pixels of ground, and a car "a" of some pixels in a row."""
    leaf = np.zeros((8, 10), int)
    leaf[3, 2 : 2 + pixels] = 1
    body = np.stack([np.full((8, 10), 0.25), np.full((8, 10), 0.75)])
    given = Segmentation.from_probabilities(TREE, np.moveaxis(np.eye(3)[leaf], -1, 0), attributes={"body": body})
    known = PresenceCalibration(nodes={"car/a": NodeCalibration(pictures=9, present=4, slope=1, offset=0)})
    evidence = Evidence.of_probabilities(TREE, given.probabilities, {"body": body})
    return replace(given, evidence=replace(evidence, calibration=known))


def lines(text: str) -> dict[str, dict[str, str]]:
    """Lines by class."""
    return {line["class"]: line for line in csv.DictReader(text.splitlines(), fieldnames=columns(TREE))}


def test_a_line_holds_what_is_known_of_a_class() -> None:
    found = lines(rows("p.png", answer().presence()))

    assert list(found) == ["ground", "car", "car/a", "car/b"]
    assert found["car/a"] == {
        **dict.fromkeys(columns(TREE), ""),
        "picture": "p.png",
        "class": "car/a",
        "level": "2",
        "present": "yes",
        "probability": "0.8333",  # logistic of log(1 + 4 pixels)
        "share": "0.050000",
        "area_px": "4",
        "region_area_px": "4",
        "region_x0": "2",
        "region_y0": "3",
        "region_x1": "6",
        "region_y1": "4",
        "region_length_px": "4.0",
        "region_width_px": "1.0",
        "body=van": "0.2500",
        "body=lorry": "0.7500",
    }
    assert (found["car/b"]["present"], found["car/b"]["area_px"], found["car/b"]["region_length_px"]) == ("no", "0", "")


def test_a_scale_gives_mm_and_a_level_omits_what_is_deeper() -> None:
    found = lines(rows("p.png", answer().presence(), Scale(0.5), level=1))

    assert list(found) == ["ground", "car"]
    sizes = ("area_mm2", "region_area_mm2", "region_length_mm", "region_width_mm")
    assert [found["car"][name] for name in sizes] == ["1", "1", "2", "0.5"]


def test_rules_give_a_line_per_picture_and_a_tally(tmp_path: Path) -> None:
    rules = Rules.parse({"bad when": ["a longer than 2 px", "car area > 4 %", "a present with probability > 0.99"]})
    folder = ResultFolder(tmp_path, TREE, "semantic", OutputOptions(rules=rules))
    folder.make()
    pixels = np.zeros((8, 10, 3), np.uint8)

    written = [folder.write(Path(f"{n}.png"), pixels, answer(n)) for n in (1, 3, 4)]
    folder.write_joined(written)

    text = (tmp_path / "verdicts.csv").read_text().splitlines()
    assert text[0] == "picture,verdict,score,rules,values"
    assert [line.split(",")[1] for line in text[1:]] == ["good", "bad", "bad"]
    assert text[3].endswith(",a longer than 2 px; car area > 4 %,4 px; 5 %")
    assert tally(tmp_path) == (3, 2, {"a longer than 2 px": 2, "car area > 4 %": 1})


def test_without_rules_there_are_no_verdicts(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path, TREE, "semantic", OutputOptions())
    folder.make()

    folder.write_joined([folder.write(Path("a.png"), np.zeros((8, 10, 3), np.uint8), answer())])

    assert not (tmp_path / "verdicts.csv").exists()
    assert (tmp_path / "presence.csv").read_text().count("\n") == 1 + len(TREE)
