from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.description.kinds import Kind
from smalta.errors import ConfigError
from smalta.results.options import OutputOptions
from smalta.results.output import Written
from written_results import INSTANCES, PIXELS, TREE, answer, made, table


def test_tables_follow_the_order_that_they_are_given(tmp_path: Path) -> None:
    place = made(tmp_path, "panoptic")
    parts = [place.write(Path(f"{n}.png"), PIXELS, answer()) for n in "cab"]

    place.write_joined(parts)

    rows = table(tmp_path)
    content = json.loads((tmp_path / "panoptic.json").read_text())
    assert [row["picture"] for row in rows] == ["c.png"] * 3 + ["a.png"] * 3 + ["b.png"] * 3
    assert [(image["id"], image["file_name"]) for image in content["images"]] == [
        (1, "c.png"),
        (2, "a.png"),
        (3, "b.png"),
    ]
    assert [(one["image_id"], one["file_name"]) for one in content["annotations"]] == [
        (1, "c.png"),
        (2, "a.png"),
        (3, "b.png"),
    ]


@pytest.mark.parametrize("kind", ["binary", "semantic", "instance", "panoptic"])
def test_the_legend_file_says_the_kind(kind: Kind, tmp_path: Path) -> None:
    made(tmp_path, kind)

    assert json.loads((tmp_path / "classes.json").read_text())["kind"] == kind


def test_several_threads_write_what_one_would(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    instances = np.kron(INSTANCES, np.ones((30, 27), np.int32))[:, :160].astype(np.int32)
    leaves = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], np.float32)
    probabilities = np.moveaxis(leaves[instances], -1, 0)
    body = {name: np.full((2, 120, 160), 0.5, np.float32) for name in ("body", "score")}
    objects = Objects.from_instances(TREE, instances, probabilities, np.ones(3), attributes=body)
    given = replace(Segmentation.from_probabilities(TREE, probabilities), objects=objects)
    options = OutputOptions(outputs={"overlay", "geojson", "probabilities"})
    names = [Path(f"{number}.png") for number in range(12)]
    places = {folder: made(tmp_path / folder, "panoptic", options) for folder in ("one", "many")}

    def write(folder: str, name: Path) -> Written:
        return places[folder].write(name, pixels, given)

    one = [write("one", name) for name in names]
    with ThreadPoolExecutor(8) as pool:
        many = list(pool.map(lambda name: write("many", name), names))

    assert [w.added for w in one] == [w.added for w in many]
    assert all({"presence", "objects", "panoptic"} == w.added.keys() for w in one)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 12 * 6 + 1
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "many" / f).read_bytes() for f in files)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "instances").write_text("a file")

    with pytest.raises(ConfigError, match=r"instances cannot be created .*; set another folder with --out"):
        made(tmp_path, "instance")
