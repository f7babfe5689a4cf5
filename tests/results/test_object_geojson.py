from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from smalta.answers.decoding import Decoding
from smalta.data.any_format import open_dataset
from smalta.results.options import OutputOptions
from smalta.results.result_folder import class_map
from written_results import INSTANCES, PIXELS, TREE, answer, written


def test_outlines_run_along_the_edges_of_pixels_and_say_what_the_object_is(tmp_path: Path) -> None:
    written(tmp_path, "instance", answer(min_confidence=0.7), OutputOptions(outputs={"geojson"}))

    features = json.loads((tmp_path / "geojson/a.geojson").read_text())["features"]
    assert [feature["properties"]["number"] for feature in features] == [1, 2, 3]
    first, second, third = (feature["properties"] for feature in features)
    assert (first["class"], first["score"], first["area_px"]) == ("car/audi", 0.9, 4)
    assert (first["attributes"], third["attributes"]) == ({"body": "van", "score": "high"}, {})
    assert second["class"] == "car"
    [ring] = features[1]["geometry"]["coordinates"]
    assert {tuple(point) for point in ring} == {(3, 0), (5, 0), (5, 2), (3, 2)}


def test_outlines_open_as_a_data_set_that_holds_the_objects(tmp_path: Path) -> None:
    written(tmp_path, "instance", answer(), OutputOptions(outputs={"geojson"}))
    (tmp_path / "set/images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "set/images/a.png"), PIXELS)
    (tmp_path / "geojson").rename(tmp_path / "set/labels")

    dataset = open_dataset(tmp_path / "set", classes=TREE)
    sample = dataset.read(dataset.entries[0])

    assert dataset.format == "geojson"
    assert np.array_equal(sample.instances, INSTANCES)
    assert np.array_equal(sample.classes, class_map(answer(), Decoding()))
