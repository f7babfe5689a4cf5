import hashlib
import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.check import check
from smalta.data.sample import Sample
from smalta.errors import ConfigError
from smalta.scenes import KINDS, generate, scene_tree, write_scenes
from smalta.scenes.canvas import Camera, Canvas, Ground
from smalta.scenes.light import Light
from smalta.scenes.polygons import Mesh
from smalta.scenes.solids import Model, Piece, block, footprint, normal_of
from smalta.scenes.stage import MIN_PIXELS, Stage, paint_order
from smalta.scenes.vehicles import BODIES, MAKES, car

TREE = scene_tree("mixed")
RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


def noon() -> Light:
    """White light from everywhere, no haze: materials keep their colours."""
    return Light(
        sun=np.array([0.0, 1.0, 0.0]),
        sun_color=np.zeros(3),
        ambient=np.full(3, 1.25),  # 0.8 of it reach an upright face
        sky_low=np.ones(3),
        sky_top=np.ones(3),
        clouds=0.0,
        haze=0.0,
        lamps=0.0,
        cast=np.ones(3),
        noise=0.0,
        blur=0.2,
    )


def canvas(size_hw: tuple[int, int] = (40, 60), *, height: float = 0.0) -> Canvas:
    """Looks along z; a metre at 10 m is 10 pixels."""
    camera = Camera.look((0.0, height, 0.0), yaw=0.0, pitch=0.0, roll=0.0, focal=100.0, size_hw=size_hw)
    return Canvas(camera, noon(), TREE)


def board(x: tuple[float, float], y: tuple[float, float], z: float, color: tuple[float, float, float]) -> Mesh:
    mesh = Mesh()
    (left, right), (low, high) = x, y
    points = np.array([(left, low, z), (right, low, z), (right, high, z), (left, high, z)])
    mesh.add(points, color, "sign", normal=(0.0, 0.0, -1.0))
    return mesh


def paint(target: Canvas, mesh: Mesh, instance: int = 0) -> None:
    polygons = mesh.polygons()
    n = len(polygons.lengths)
    target.paint(polygons, instance=np.full(n, instance), attribute=np.zeros(n, int), in_shadow=np.zeros(n, bool))


# -- picture and labels --------------------------------------------------------------------------------


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


# -- classes -------------------------------------------------------------------------------------------


def test_the_tree_has_makes_under_cars_and_bodies_as_an_attribute() -> None:
    tree = scene_tree("mixed")

    assert [tree.name(child) for child in tree.children(tree["car"].id)] == [f"vehicle/car/{make}" for make in MAKES]
    assert [(a.name, tree.name(a.node), a.values) for a in tree.attributes] == [("body", "vehicle/car", BODIES)]
    assert {node.path for node in tree if node.depth == 1 and node.kind == "thing"} == {"person", "vehicle"}
    assert ClassTree.from_dict(tree.to_dict()) == tree


def test_a_mirrored_street_swaps_the_lanes() -> None:
    tree = scene_tree("street")

    assert tree.mirror[tree["own_lane"].id] == tree["oncoming_lane"].id
    assert tree.mirror[tree["oncoming_lane"].id] == tree["own_lane"].id


def test_each_kind_has_only_its_own_classes() -> None:
    paths = {kind: {node.path for node in scene_tree(kind)} for kind in KINDS}

    assert paths["mixed"] == paths["street"] | paths["parking"]
    assert paths["street"] - paths["parking"] == {"road/own_lane", "road/oncoming_lane", "vehicle/bus"}
    assert paths["parking"] - paths["street"] == {"road/aisle"}


@pytest.mark.parametrize("kind", ["street", "parking"])
def test_every_class_of_a_kind_occurs(kind: str) -> None:
    tree = scene_tree(kind)

    seen = np.zeros(len(tree) + 1, dtype=int)
    for seed in range(14):
        seen[np.unique(generate(kind, seed, (96, 128)).classes)] += 1

    assert [tree.name(leaf) for leaf in tree.leaves if seen[leaf] == 0] == []


def test_traffic_keeps_to_the_right() -> None:
    tree = scene_tree("street")

    for seed in range(8):
        classes = generate("street", seed, (96, 128)).classes
        own, oncoming = classes == tree["own_lane"].id, classes == tree["oncoming_lane"].id
        both = own.any(axis=1) & oncoming.any(axis=1)
        columns = np.arange(128)
        for row in np.flatnonzero(both):
            assert columns[own[row]].mean() > columns[oncoming[row]].mean()


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("body", BODIES)
def test_paint_says_nothing_about_make_and_body(make: str, body: str) -> None:
    shades = [car(np.random.default_rng(seed), make, body, lights=False) for seed in range(200)]

    paints = np.array([model.pieces[-1].polygons.colors[model.pieces[-1].polygons.dye == 1][0] for model in shades])

    assert paints.mean() == pytest.approx(0.42, abs=0.06)  # of all paints alike
    assert (paints.std(axis=0) > 0.2).all()


# -- samples -------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 2**40),
    size_hw=st.tuples(st.integers(32, 150), st.integers(32, 150)),
)
def test_maps_agree_with_each_other(kind: str, seed: int, size_hw: tuple[int, int]) -> None:
    tree = scene_tree(kind)

    sample = generate(kind, seed, size_hw)

    assert sample.picture.shape == (*size_hw, 3)
    assert sample.classes.dtype == np.uint16
    assert sample.instances.dtype == np.int32
    assert set(np.unique(sample.classes)) <= {0, *tree.leaves}
    assert (tree.is_thing[sample.classes] == (sample.instances > 0)).all()
    numbers, pixels = np.unique(sample.instances[sample.instances > 0], return_counts=True)
    assert numbers.tolist() == list(range(1, len(numbers) + 1))
    assert (pixels >= MIN_PIXELS).all()
    cars = np.isin(sample.classes, tree.descendants(tree["car"].id))
    body = sample.attributes["body"]
    assert (cars == (body > 0)).all()
    assert body.max() <= len(BODIES)
    pairs = np.unique(np.stack([sample.instances, sample.classes, body])[:, sample.instances > 0], axis=1)
    assert pairs.shape[1] == len(numbers)  # an object has one class and one body


def digest(sample: Sample) -> str:
    arrays = (sample.picture, sample.classes, sample.instances, sample.attributes["body"])
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def test_a_seed_gives_the_same_scene_in_another_process() -> None:
    program = (
        "import hashlib; from smalta.scenes import generate\n"
        "for seed in (3, 4):\n"
        "    s = generate('mixed', seed, (64, 96))\n"
        "    arrays = (s.picture, s.classes, s.instances, s.attributes['body'])\n"
        "    print(hashlib.sha256(b''.join(a.tobytes() for a in arrays)).hexdigest())"
    )

    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert [digest(generate("mixed", seed, (64, 96))) for seed in (4, 3)][::-1] == there
    assert there[0] != there[1]


def test_mixed_scenes_alternate() -> None:
    names = [generate("mixed", seed, (32, 32)).name for seed in (6, 7)]

    assert names == ["street_000006", "parking_000007"]


def test_a_larger_picture_shows_the_same_scene() -> None:
    small, large = generate("street", 5, (96, 128)), generate("street", 5, (192, 256))

    halved = cv2.resize(large.classes, (128, 96), interpolation=cv2.INTER_NEAREST)

    assert (halved == small.classes).mean() > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("forest", 0), "street, parking, mixed, got 'forest'"),
        (("street", -1), "seed must be 0 or more, got -1"),
        (("street", 0, (16, 64)), r"at least 32 by 32 pixels, got \(16, 64\)"),
    ],
)
def test_bad_requests_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        generate(*arguments)


# -- difficulty ----------------------------------------------------------------------------------------


def _cells(picture: np.ndarray) -> np.ndarray:
    """(H, W) cell of each pixel's colour among 16 x 16 x 16."""
    red, green, blue = np.moveaxis(picture.astype(int) // 16, -1, 0)
    return (red * 16 + green) * 16 + blue


def _iou(truth: np.ndarray, answer: np.ndarray, n: int) -> np.ndarray:
    confusion = np.bincount(truth * n + answer, minlength=n * n).reshape(n, n)
    union = confusion.sum(0) + confusion.sum(1) - np.diag(confusion)
    return np.diag(confusion)[union > 0] / union[union > 0]


def test_colour_alone_cannot_tell_the_classes() -> None:
    tree = scene_tree("mixed")
    n = len(tree) + 1
    counts = np.zeros((16**3, n))
    for seed in range(60):
        sample = generate("mixed", seed, (96, 128))
        np.add.at(counts, (_cells(sample.picture), sample.classes), 1.0)
    counts[:, [0, *tree.inner]] = 0
    # the rule of Bayes for each cell of colours; once with the classes as frequent as they are, once balanced
    likely = counts.argmax(axis=1)
    balanced = (counts / np.maximum(counts.sum(axis=0), 1)).argmax(axis=1)

    truth, by_frequency, by_shade = [], [], []
    for seed in range(1000, 1030):
        sample = generate("mixed", seed, (96, 128))
        labelled = sample.classes > 0
        truth.append(sample.classes[labelled].astype(int))
        by_frequency.append(likely[_cells(sample.picture)[labelled]])
        by_shade.append(balanced[_cells(sample.picture)[labelled]])

    for answer in (by_frequency, by_shade):
        assert _iou(np.concatenate(truth), np.concatenate(answer), n).mean() < 0.2


def test_the_mean_colour_of_a_car_does_not_tell_its_make() -> None:
    tree = scene_tree("parking")
    first = tree["vehicle/car/arden"].id

    def cars(seeds: range) -> tuple[np.ndarray, np.ndarray]:
        colors, makes = [], []
        for seed in seeds:
            sample = generate("parking", seed, (96, 128))
            for number in range(1, sample.instances.max() + 1):
                inside = sample.instances == number
                make = int(sample.classes[inside][0]) - first
                if 0 <= make < len(MAKES):
                    colors.append(sample.picture[inside].mean(axis=0))
                    makes.append(make)
        return np.array(colors), np.array(makes)

    (known, makes), (asked, truth) = cars(range(40)), cars(range(500, 520))
    nearest = np.linalg.norm(asked[:, None] - known[None], axis=2).argsort(axis=1)[:, :9]
    votes = np.stack([(makes[nearest] == make).sum(axis=1) for make in range(len(MAKES))], axis=1)

    assert len(truth) > 150
    assert (votes.argmax(axis=1) == truth).mean() < 0.5  # chance is a third


# -- files ---------------------------------------------------------------------------------------------


def test_written_scenes_are_read_back_as_they_are(tmp_path) -> None:
    write_scenes(tmp_path / "scenes", n_train=3, n_val=0, n_test=2, seed=8, size_hw=(48, 64))

    dataset = open_dataset(tmp_path / "scenes")

    assert dataset.tree == scene_tree("mixed")
    assert dataset.has_instances
    assert {name: len(entries) for name, entries in dataset.splits.items() if name == "test"} == {"test": 2}
    for entry, seed in zip(dataset.split("test"), (11, 12), strict=True):
        there, here = dataset.read(entry), generate("mixed", seed, (48, 64))
        assert there.name == here.name
        np.testing.assert_array_equal(there.picture, here.picture)
        np.testing.assert_array_equal(there.classes, here.classes)
        np.testing.assert_array_equal(there.instances, here.instances)
        np.testing.assert_array_equal(there.attributes["body"], here.attributes["body"])


def test_the_doctor_finds_no_error_in_written_scenes(tmp_path) -> None:
    write_scenes(tmp_path, n_train=8, n_val=4, n_test=4)

    assert [finding.message for finding in check(tmp_path).findings if finding.level == "error"] == []


def test_a_folder_that_holds_files_is_not_written_into(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(ConfigError, match="not empty"):
        write_scenes(tmp_path, n_train=1, n_val=1, n_test=1)


@pytest.mark.parametrize("counts", [(0, 0, 0), (-1, 2, 2)])
def test_numbers_of_scenes_must_make_sense(tmp_path, counts: tuple[int, int, int]) -> None:
    n_train, n_val, n_test = counts

    with pytest.raises(ConfigError, match="numbers of scenes"):
        write_scenes(tmp_path, n_train=n_train, n_val=n_val, n_test=n_test)
