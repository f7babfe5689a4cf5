from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from clips import even, write_clip
from smalta.data.any_format import open_dataset
from smalta.data.splits import read_groups
from smalta.errors import ConfigError, DataError
from smalta.inference.predictor import Predictor
from smalta.pictures.reading import read_picture
from smalta.pictures.writing import write_index
from smalta.video.frames import Ended, Frame, Lost
from smalta.video.picking import pick_frames, write_frames
from stand_ins import CARS, RedIsAudi, info

SIZE_HW = (48, 72)


def room(people: int = 0, light: float = 1.0, blur: float = 0.0, seed: int = 0) -> np.ndarray:
    """A textured room with so many people in it; a little noise."""
    random = np.random.default_rng(seed)
    floor = np.random.default_rng(0).integers(90, 150, (12, 18, 3), dtype=np.uint8)
    picture = cv2.resize(floor, SIZE_HW[::-1], interpolation=cv2.INTER_NEAREST).astype(np.float64)
    for place in range(people):
        picture[10:40, 4 + 11 * place : 11 + 11 * place] = (220, 60, 50)
    picture = picture * light + random.normal(0, 1.5, picture.shape)
    if blur:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    return picture.clip(0, 255).astype(np.uint8)


def frames(pictures: list[np.ndarray], fps: float = 5) -> list[Frame]:
    return [
        Frame(number=i, time_s=i / fps, picture=picture, dropped=0, utc_s=None) for i, picture in enumerate(pictures)
    ]


def times(picked: list[Frame]) -> list[float]:
    return [frame.time_s for frame in picked]


def test_rare_light_and_crowds_are_picked_from_a_long_empty_clip() -> None:
    kinds = [(0, 1.0)] * 150 + [(1, 1.0)] * 4 + [(0, 1.0)] * 40 + [(0, 0.3)] * 3 + [(3, 1.0)] * 5 + [(6, 1.0)] * 2
    clip = frames([room(people, light, seed=i) for i, (people, light) in enumerate(kinds)])

    picked = pick_frames(clip, 6)

    found = {kinds[frame.number] for frame in picked}
    assert found == {(0, 1.0), (1, 1.0), (0, 0.3), (3, 1.0), (6, 1.0)}
    assert [frame.number for frame in picked] == sorted(frame.number for frame in picked)


def test_frames_that_look_alike_are_spread_over_the_time() -> None:
    clip = frames([room(seed=i) for i in range(150)])

    picked = times(pick_frames(clip, 4))

    assert np.diff([0, *picked, 30]).max() < 15


def test_of_each_moment_the_sharpest_frame_is_taken() -> None:
    blurs = [2.0, 2.0, 0.0, 2.0, 2.0] * 4  # at 25 frames a second, a moment of 0.2 s has five
    clip = frames([room(i // 5, blur=blur, seed=i) for i, blur in enumerate(blurs)], fps=25)

    assert [frame.number for frame in pick_frames(clip, 9)] == [2, 7, 12, 17]


def test_a_moment_that_is_blurred_throughout_is_not_picked_although_it_is_unlike_the_others() -> None:
    blurred = range(40, 44)
    clip = frames([room(i % 7 // 3, blur=4.0 * (i in blurred), seed=i) for i in range(80)])

    assert not set(blurred) & {frame.number for frame in pick_frames(clip, 8)}


def test_a_blurred_camera_gives_frames_all_the_same() -> None:
    clip = frames([room(i % 3, blur=3.0, seed=i) for i in range(40)])

    assert len(pick_frames(clip, 5)) == 5


def test_a_short_clip_gives_fewer_frames_and_one_frame_gives_itself() -> None:
    assert times(pick_frames(frames([room(), room(1), room(2)]), 20)) == [0, 0.2, 0.4]
    assert times(pick_frames(frames([room()]), 1)) == [0]
    assert pick_frames([], 3) == []
    assert len(pick_frames(frames([np.zeros((8, 8, 3), dtype=np.uint8)] * 30), 3)) == 3


def test_what_is_no_frame_is_passed_over() -> None:
    first, second = frames([room(), room(1)])
    items = [Lost(time_s=0.0, utc_s=0.0, reason="closed"), first, second, Ended(frames=2, damaged=0, time_s=0.2)]

    assert pick_frames(items, 5) == [first, second]


def test_the_same_clip_gives_the_same_frames() -> None:
    clip = frames([room(i % 4, 1 - 0.5 * (i % 9 == 0), seed=i) for i in range(90)])

    assert times(pick_frames(clip, 7)) == times(pick_frames(clip, 7))


def test_a_count_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 1 frame, got 0"):
        pick_frames([], 0)
    with pytest.raises(ConfigError, match="at least 1 frame, got -3"):
        write_frames("nowhere.mp4", tmp_path, -3)


def test_memory_does_not_grow_with_the_video() -> None:
    def long_video(n: int) -> Iterator[Frame]:
        for number in range(n):
            picture = np.full((60, 80, 3), number % 251, dtype=np.uint8)
            picture[:, : number % 80] = 0
            yield Frame(number=number, time_s=number * 1.0, picture=picture, dropped=0, utc_s=None)

    def peak(n: int) -> int:
        tracemalloc.start()
        pick_frames(long_video(n), 2, lambda picture: picture[::20, ::20].ravel() / 255)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(500) < 1.2 * peak(60)


def test_a_day_has_few_moments() -> None:
    seen = 0

    def features(picture: np.ndarray) -> np.ndarray:
        nonlocal seen
        seen += 1
        return np.zeros(1)

    dark = np.zeros((4, 4, 3), dtype=np.uint8)
    day = (Frame(number=i, time_s=i * 16.0, picture=dark, dropped=0, utc_s=None) for i in range(24 * 225))
    pick_frames(day, 1, features)

    assert 1000 < seen < 5000


# -- writing ------------------------------------------------------------------------------------------


def paint(number: int, size_hw: tuple[int, int]) -> np.ndarray:
    return cv2.resize(room(number // 10 % 4, seed=number), size_hw[::-1], interpolation=cv2.INTER_NEAREST)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "my shop.mkv", even(60, fps=10), size_hw=(96, 144), paint=paint)


def test_frames_are_written_at_full_size_with_their_group(shop: Path, tmp_path: Path) -> None:
    out, seen = tmp_path / "new" / "data", []

    picked = write_frames(shop, out, 4, progress=lambda done, total: seen.append((done, total)))

    assert len(picked.pictures) == 4
    assert [path.name for path in picked.pictures] == [f"my_shop_t{time:09.3f}.png" for time in picked.times_s]
    assert all(read_picture(path).shape == (96, 144, 3) for path in picked.pictures)
    assert (out / "groups.txt").read_text() == "".join(f"{path.name}\tmy_shop\n" for path in picked.pictures)
    assert picked.groups_file == out / "groups.txt"
    assert sorted(path.name for path in out.iterdir()) == ["groups.txt", "images"]
    assert [done for done, _ in seen] == list(range(1, 61))
    assert seen[0][1] >= 60


def test_each_written_picture_is_the_frame_of_its_time(shop: Path, tmp_path: Path) -> None:
    picked = write_frames(shop, tmp_path, 4)

    for path, time in zip(picked.pictures, picked.times_s, strict=True):
        shown = paint(round(time * 10), (96, 144)).astype(int)
        assert np.abs(read_picture(path) - shown).mean() < 12  # a lossy video
        assert f"{time:.3f}" in path.name


def test_frames_of_two_clips_lie_in_one_data_set_and_each_clip_in_one_split(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name in ("morning", "noon", "evening"):
        write_frames(write_clip(tmp_path / f"{name}.mkv", even(40, fps=10), size_hw=(48, 72), paint=paint), data, 5)
    (data / "masks").mkdir()
    pictures = sorted((data / "images").iterdir())
    for picture in pictures:
        write_index(data / "masks" / picture.name, np.arange(48 * 72).reshape(48, 72) % 2)

    dataset = open_dataset(data)

    groups, _ = read_groups(data / "groups.txt", dataset.entries)
    assert len(pictures) == len(dataset.entries) == 15
    assert len(set(groups.values())) == 3
    for split in ("train", "val", "test"):
        assert len({groups[entry.name] for entry in dataset.split(split)}) == 1
    assert any("by the groups in groups.txt, which stay together" in note for note in dataset.notes)


def test_the_users_own_groups_and_pictures_stay(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "old.png").write_bytes(b"mine")
    (tmp_path / "groups.txt").write_text("old.png\tbefore\n", encoding="utf-8-sig")

    picked = write_frames(shop, tmp_path, 2)

    lines = (tmp_path / "groups.txt").read_text().splitlines()
    assert lines == ["old.png\tbefore", *(f"{path.name}\tmy_shop" for path in picked.pictures)]
    assert (tmp_path / "images" / "old.png").read_bytes() == b"mine"


def test_a_picture_that_exists_is_not_overwritten(shop: Path, tmp_path: Path) -> None:
    first = write_frames(shop, tmp_path, 2).pictures[0]
    first.write_bytes(b"labelled")

    with pytest.raises(DataError, match="exists already; choose another folder"):
        write_frames(shop, tmp_path, 2)

    assert first.read_bytes() == b"labelled"


def test_a_clip_with_too_few_moments_says_so(shop: Path, tmp_path: Path) -> None:
    picked = write_frames(shop, tmp_path, 500)

    assert len(picked.pictures) == 30
    assert picked.notes[-1].startswith("30 of 500 frames were picked")


def test_a_folder_of_pictures_is_a_video_too(shop: Path, tmp_path: Path) -> None:
    first = write_frames(shop, tmp_path / "first", 6)

    again = write_frames(first.pictures[0].parent, tmp_path / "second", 3, fps=2)

    assert again.group == "images"
    originals = {path.read_bytes() for path in first.pictures}
    assert all(path.read_bytes() in originals for path in again.pictures)


def test_a_model_may_say_what_is_unlike(shop: Path, tmp_path: Path) -> None:
    runtime = RedIsAudi()

    picked = write_frames(shop, tmp_path, 3, model=Predictor(runtime, info(CARS)))

    assert len(picked.pictures) == 3
    assert len(runtime.seen) == 30  # a picture a moment


def test_a_folder_that_cannot_be_used_is_refused(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file")

    with pytest.raises(DataError, match="cannot be used as the folder of a data set"):
        write_frames(shop, tmp_path, 2)
