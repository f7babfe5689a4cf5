"""Things on a stage hide each other, and are labelled where they are seen."""

from __future__ import annotations

import numpy as np

from small_canvases import canvas
from smalta.scenes.polygons import Mesh
from smalta.scenes.solids import Model, Piece, block, footprint, normal_of
from smalta.scenes.stage import MIN_PIXELS, Stage, paint_order

BLUE = (0.0, 0.0, 1.0)


def test_the_nearer_of_two_cars_hides_the_farther() -> None:
    near, far = footprint(0.0, 10.0, 0.0, 1.0, (-2.0, 2.0)), footprint(0.5, 20.0, 0.0, 1.0, (-2.0, 2.0))

    assert paint_order(np.stack([near, far]), np.zeros(2)) == [1, 0]
    assert paint_order(np.stack([far, near]), np.zeros(2)) == [0, 1]


def test_a_walker_beside_a_long_bus_is_before_or_behind_it_by_side_not_by_distance() -> None:
    bus = footprint(4.0, 12.0, 0.0, 1.2, (-5.0, 5.0))
    between = footprint(2.0, 14.0, 0.0, 0.2, (-0.2, 0.2))  # farther than the bus's middle, yet on the camera's side
    beyond = footprint(6.0, 10.0, 0.0, 0.2, (-0.2, 0.2))  # nearer than the bus's middle, yet on its far side

    order = paint_order(np.stack([bus, between, beyond]), np.zeros(2))

    assert order.index(2) < order.index(0) < order.index(1)


def box(half: float, high: float) -> Model:
    faces = block((-half, half), (-half, half), (half, half), (0.0, high))
    mesh = Mesh()
    for face in faces.values():
        mesh.add(face, BLUE, "vehicle/bus", normal=normal_of(face, np.array([0.0, high / 2, 0.0])))
    return Model(pieces=[Piece(polygons=mesh.polygons(), half_width=half, ends=(-half, half))])


def stage_with(*places: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Class and instance map of boxes (half width, x, z), 2 m tall, seen from 1 m above the ground."""
    stage = Stage(canvas((64, 96), height=1.0))
    for half, x, z in places:
        stage.place(box(half, 2.0), x, z, 0.0, countable=True)
    stage.paint()
    _, classes, instances, _ = stage.photograph(np.random.default_rng(0), horizon=32.0)
    return classes, instances


def test_an_object_that_is_wholly_hidden_is_in_no_map() -> None:
    _, alone = stage_with((0.5, 0.0, 20.0))
    _, hidden = stage_with((1.0, 0.0, 10.0), (0.5, 0.0, 20.0))

    assert alone.max() == 1
    assert hidden.max() == 1
    # the near box's front stands 9 m away: 2 m across are 22.2 pixels
    assert np.ptp(np.nonzero(hidden)[1]) + 1 in (22, 23)


def test_an_object_that_peeps_out_keeps_only_what_is_seen() -> None:
    _, instances = stage_with((1.0, -0.45, 10.0), (1.0, 0.7, 20.0))

    far = np.nonzero((instances != instances[32, 40]) & (instances > 0))
    # the far box ends at x = 1.7, 19 m away: column 48 + 8.95; the near one at 0.55, 9 m away: column 48 + 6.11
    assert instances.max() == 2
    assert (far[1].min(), far[1].max()) == (54, 56)


def test_an_object_of_too_few_pixels_leaves_unlabelled_pixels_and_no_gap_in_the_numbers() -> None:
    # at 90 m a box 1 m wide and 2 m tall covers 1.1 by 2.2 pixels
    classes, instances = stage_with((0.5, 30.0, 90.0), (1.0, 0.0, 20.0))

    assert np.unique(instances).tolist() == [0, 1]
    assert 0 < (classes == 0).sum() < MIN_PIXELS
