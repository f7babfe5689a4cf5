from __future__ import annotations

from pathlib import Path

from smalta.pictures.reading import read_picture
from smalta.results.options import OutputOptions
from smalta.results.result_folder import ResultFolder
from written_results import INSTANCES, PIXELS, TREE, answer, written


def test_overlays_of_instances_leave_the_rest_of_the_picture_as_it_is(tmp_path: Path) -> None:
    options = OutputOptions(outputs={"overlay"})
    written(tmp_path / "instance", "instance", answer(), options)
    written(tmp_path / "panoptic", "panoptic", answer(), options)

    objects, everything = (read_picture(tmp_path / k / "overlays/a.png")[:4] for k in ("instance", "panoptic"))
    assert (objects[INSTANCES == 0] == 100).all()
    assert (objects[INSTANCES != 0] != 100).any(axis=-1).all()
    assert (everything[INSTANCES == 0] != 100).any(axis=-1).all()


def test_a_remark_about_the_model_is_one_line_below_the_legend(tmp_path: Path) -> None:
    options = OutputOptions(outputs={"overlay"})
    for name, remark in (("plain", None), ("short", "trained for 32 of about 600 steps")):
        place = ResultFolder(tmp_path / name, TREE, "panoptic", options, remark=remark)
        place.make()
        place.write(Path("shots/a.jpg"), PIXELS, answer())

    plain, short = (read_picture(tmp_path / name / "overlays/a.png") for name in ("plain", "short"))
    assert short.shape[0] == plain.shape[0] + 20
    assert (short[: plain.shape[0]] == plain).all()
    assert short[plain.shape[0] :].max() > 100  # letters
