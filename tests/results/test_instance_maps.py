from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from smalta.pictures.reading import read_index
from written_results import INSTANCES, answer, written


def test_the_instance_picture_numbers_the_objects_as_the_table_does(tmp_path: Path) -> None:
    written(tmp_path, "instance", answer())

    assert cv2.imread(str(tmp_path / "instances/a.png"), cv2.IMREAD_UNCHANGED).dtype == np.uint16
    assert np.array_equal(read_index(tmp_path / "instances/a.png"), INSTANCES)
