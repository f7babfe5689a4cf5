from __future__ import annotations

from pathlib import Path

from smalta.pictures.reading import read_picture
from smalta.results.options import OutputOptions
from written_results import INSTANCES, answer, written


def test_overlays_of_instances_leave_the_rest_of_the_picture_as_it_is(tmp_path: Path) -> None:
    options = OutputOptions(outputs={"overlay"})
    written(tmp_path / "instance", "instance", answer(), options)
    written(tmp_path / "panoptic", "panoptic", answer(), options)

    objects, everything = (read_picture(tmp_path / k / "overlays/a.png")[:4] for k in ("instance", "panoptic"))
    assert (objects[INSTANCES == 0] == 100).all()
    assert (objects[INSTANCES != 0] != 100).any(axis=-1).all()
    assert (everything[INSTANCES == 0] != 100).any(axis=-1).all()
