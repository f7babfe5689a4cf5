"""A canvas paints polygons, and labels every pixel that they cover."""

from __future__ import annotations

import numpy as np
import pytest

from small_canvases import RED, TREE, board, canvas, paint
from smalta.scenes.canvas import Ground
from smalta.scenes.polygons import Mesh


def test_a_board_is_labelled_exactly_where_it_projects() -> None:
    target = canvas()

    paint(target, board((-1.0, 1.0), (-0.5, 0.5), 10.0, RED), instance=7)
    shot = target.develop()

    # 100 px * 2 m / 10 m = 20 columns around column 30, 10 rows around row 20
    rows, columns = np.nonzero(shot.instances == 7)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (15, 24, 20, 39)
    assert len(rows) == 200
    assert set(np.unique(shot.classes)) == {TREE["sky"].id, TREE["sign"].id}


def test_a_pixel_has_the_label_of_its_centre_and_the_colour_of_its_whole() -> None:
    target = canvas()

    # the right edge lies 0.4 pixels into column 40, short of its centre, and on the second of its three cells
    paint(target, board((-1.0, 1.02), (-1.0, 1.0), 10.0, RED))
    shot = target.develop()

    assert shot.classes[20, 39] == TREE["sign"].id
    assert shot.color[20, 39, 0] == pytest.approx(1.0, abs=0.01)
    assert shot.sky[20, 41] == pytest.approx(1.0, abs=0.01)
    assert 0.3 < shot.sky[20, 40] < 0.7
    assert shot.color[20, 40, 0] + shot.sky[20, 40] == pytest.approx(1.0, abs=0.02)


def test_a_polygon_is_not_seen_from_behind() -> None:
    target = canvas()
    mesh = Mesh()
    points = np.array([(-1.0, -1.0, 10.0), (1.0, -1.0, 10.0), (1.0, 1.0, 10.0)])
    mesh.add(points, RED, "sign", normal=(0.0, 0.0, 1.0))

    paint(target, mesh)

    assert (target.develop().classes == TREE["sky"].id).all()


def test_ground_that_passes_below_the_camera_is_cut_at_its_feet() -> None:
    target = canvas(height=1.0)

    target.lay([Ground(np.array([(-50.0, -50.0), (50.0, -50.0), (50.0, 500.0), (-50.0, 500.0)]), RED, "road/bay", 0.1)])
    classes = target.develop().classes

    # the horizon is row 20; 500 m away the ground is 0.2 pixels below it
    assert (classes[:20] == TREE["sky"].id).all()
    assert (classes[21:] == TREE["road/bay"].id).all()
