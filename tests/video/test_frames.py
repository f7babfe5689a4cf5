from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clips import MPEG, clear_pictures, corner, cut, drifting, even, phone, spoil, turn, write_clip
from smalta.errors import ConfigError, DataError
from smalta.video.frames import Ended, Frame, open_video
from smalta.video.reading.stamps import MPEG_WRAP_S

H264 = {"codec": "libx264", "unit": MPEG}


def read(source: Path, **settings: object) -> tuple[list[Frame], Ended, list[str]]:
    """Every frame, the end, and the notes."""
    with open_video(source, **settings) as video:  # type: ignore[arg-type]
        items = list(video)
        notes = video.notes()
    frames = [item for item in items if isinstance(item, Frame)]
    (ended,) = (item for item in items if not isinstance(item, Frame))
    assert isinstance(ended, Ended)
    return frames, ended, notes


def times(frames: list[Frame]) -> np.ndarray:
    return np.array([frame.time_s for frame in frames])


def quarters(picture: np.ndarray) -> list[list[int]]:
    """1 where a quarter of the picture is white, as rows of two."""
    halves = [np.array_split(half, 2, axis=1) for half in np.array_split(picture, 2, axis=0)]
    return [[round(quarter.mean() / 255) for quarter in half] for half in halves]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_phone_clip_of_variable_rate_keeps_its_time_stamps(tmp_path: Path, suffix: str) -> None:
    stamps = [5 + stamp for stamp in phone()] if suffix == "ts" else phone()
    clip = write_clip(tmp_path / f"phone.{suffix}", stamps, **H264)

    frames, ended, _ = read(clip)

    np.testing.assert_allclose(times(frames), stamps, atol=0.0005)  # Matroska counts milliseconds
    assert [frame.number for frame in frames] == list(range(len(stamps)))
    assert ended == Ended(frames=len(stamps), damaged=0, time_s=frames[-1].time_s)
    assert all(frame.dropped == 0 and frame.utc_s is None for frame in frames)


def test_matroska_without_a_length_keeps_its_time_stamps(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "live.mkv", phone(), container_options={"live": "1"})

    frames, _, notes = read(clip)

    np.testing.assert_allclose(times(frames), phone(), atol=0.0005)
    assert notes == []


def test_a_transport_stream_that_begins_at_five_seconds_says_so(tmp_path: Path) -> None:
    frames, _, notes = read(write_clip(tmp_path / "late.ts", even(10, start_s=5.0), **H264))

    np.testing.assert_allclose(times(frames), even(10, start_s=5.0))
    assert notes == ["the time stamps of the file begin at 5.00 s"]


def test_a_transport_stream_whose_stamps_wrap_goes_on(tmp_path: Path) -> None:
    frames, ended, _ = read(write_clip(tmp_path / "wrap.ts", even(50, start_s=MPEG_WRAP_S - 1), **H264))

    np.testing.assert_allclose(np.diff(times(frames)), 0.04)
    assert ended.frames == 50


def test_two_transport_streams_in_one_file_are_one_video(tmp_path: Path) -> None:
    one = write_clip(tmp_path / "one.ts", even(50), **H264)
    one.write_bytes(2 * one.read_bytes())

    frames, _, notes = read(one)

    assert len(frames) == 100
    np.testing.assert_allclose(np.diff(times(frames)), 0.04, atol=0.001)
    assert any("new starts of the time stamps" in note for note in notes)


def test_a_day_without_a_frame_is_told(tmp_path: Path) -> None:
    frames, _, notes = read(write_clip(tmp_path / "day.mkv", [0.0, 0.04, 86_400.0, 86_400.04]))

    np.testing.assert_allclose(times(frames), [0.0, 0.04, 86_400.0, 86_400.04])
    assert notes == ["there is no frame for 86,400.0 s after 0.04 s"]


def test_a_video_without_time_stamps_uses_its_declared_rate(tmp_path: Path) -> None:
    frames, _, notes = read(write_clip(tmp_path / "raw.h264", even(10), codec="libx264", unit=Fraction(1, 25)))

    np.testing.assert_allclose(times(frames), even(10))
    assert notes == ["frames without a usable time stamp, whose time follows from 25 frames a second: 10"]


@pytest.mark.parametrize(
    ("degrees", "white"),
    [(0, [[1, 0], [0, 0]]), (90, [[0, 1], [0, 0]]), (180, [[0, 0], [0, 1]]), (270, [[0, 0], [1, 0]])],
)
def test_a_turned_clip_is_upright(tmp_path: Path, degrees: int, white: list[list[int]]) -> None:
    clip = turn(write_clip(tmp_path / "turned.mp4", even(2), size_hw=(48, 64), paint=corner), degrees)

    with open_video(clip) as video:
        size_hw, frame = video.size_hw, next(video)

    assert isinstance(frame, Frame)
    assert size_hw == frame.picture.shape[:2] == ((64, 48) if degrees in (90, 270) else (48, 64))
    assert quarters(frame.picture) == white


def test_the_rotate_tag_of_older_phones_is_used(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "old.mkv", even(2), size_hw=(48, 64), paint=corner, tags={"rotate": "90"})

    frames, _, _ = read(clip)

    assert frames[0].picture.shape == (64, 48, 3)
    assert quarters(frames[0].picture) == [[0, 1], [0, 0]]


def test_small_pictures_of_a_turned_clip_have_the_size_that_was_asked_for(tmp_path: Path) -> None:
    clip = turn(write_clip(tmp_path / "turned.mp4", even(2), size_hw=(48, 64), paint=corner), 90)

    frames, _, _ = read(clip, small_hw=(32, 24))

    assert frames[0].picture.shape == (32, 24, 3)
    assert quarters(frames[0].picture) == [[0, 1], [0, 0]]


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 7), (37, 53)])
@pytest.mark.parametrize("pixels", ["gray", "gray10le", "yuv420p", "yuv444p10le", "bgr0"])
def test_tiny_odd_grey_and_10_bit_videos_are_read(tmp_path: Path, size_hw: tuple[int, int], pixels: str) -> None:
    def ramp(number: int, size_hw: tuple[int, int]) -> np.ndarray:
        return np.full((*size_hw, 3), 40 + 60 * number, dtype=np.uint8)

    clip = write_clip(tmp_path / "odd.mkv", even(3), size_hw=size_hw, codec="ffv1", pixels=pixels, paint=ramp)

    frames, _, _ = read(clip)

    for number, frame in enumerate(frames):
        assert frame.picture.shape == (*size_hw, 3)
        assert frame.picture.dtype == np.uint8
        assert frame.picture.flags.c_contiguous
        np.testing.assert_allclose(frame.picture, 40 + 60 * number, atol=4)


def test_10_bit_hevc_is_read(tmp_path: Path) -> None:
    options = {"x265-params": "log-level=none:pools=1:frame-threads=1"}
    clip = write_clip(tmp_path / "hdr.mkv", even(3), codec="libx265", pixels="yuv420p10le", options=options)

    frames, _, _ = read(clip)

    assert len(frames) == 3
    assert abs(frames[0].picture.astype(int) - drifting(0, (48, 64))).mean() < 40


def test_a_video_of_one_frame_is_read(tmp_path: Path) -> None:
    frames, ended, notes = read(write_clip(tmp_path / "one.mp4", [0.0]))

    assert [frame.time_s for frame in frames] == [0.0]
    assert ended == Ended(frames=1, damaged=0, time_s=0.0)
    assert notes == []


def test_reading_from_a_frame_gives_the_same_frames_as_reading_from_the_start(tmp_path: Path) -> None:
    clip = spoil(write_clip(tmp_path / "clip.mp4", even(40), size_hw=(90, 160), **H264), 8)
    whole, ended, _ = read(clip)

    for first in (0, 1, 17, 39, 400):
        part, same_end, _ = read(clip, from_frame=first)

        assert same_end == ended
        assert [facts(frame) for frame in part] == [facts(frame) for frame in whole if frame.number >= first]


def test_a_damaged_file_gives_the_same_frames_every_time(tmp_path: Path) -> None:
    clip = spoil(write_clip(tmp_path / "clip.ts", even(40), size_hw=(90, 160), **H264), 20)

    runs = [[facts(frame) for frame in read(clip)[0]] for _ in range(3)]

    assert runs[0] == runs[1] == runs[2]


def facts(frame: Frame) -> tuple[object, ...]:
    return frame.number, frame.time_s, frame.dropped, hashlib.sha256(frame.picture.tobytes()).hexdigest()


def test_damaged_packets_are_skipped_and_counted(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", even(50), size_hw=(90, 160), codec="mjpeg", pixels="yuvj420p")
    clear_pictures(clip, {5, 9})

    frames, ended, notes = read(clip)

    assert [frame.number for frame in frames] == list(range(48))
    assert [frame.dropped for frame in frames[:10]] == [0, 0, 0, 0, 0, 1, 0, 0, 1, 0]
    np.testing.assert_allclose(times(frames)[:7], [0, 0.04, 0.08, 0.12, 0.16, 0.24, 0.28])
    assert ended == Ended(frames=48, damaged=2, time_s=1.96)
    assert notes == ["damaged packets that were skipped: 2"]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_damage_anywhere_gives_rising_times_near_the_true_ones_and_a_count(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    clip = write_clip(tmp_path / f"clip.{suffix}", even(60), size_hw=(90, 160), codec=codec)
    spoil(clip, 24, first=0.4, last=0.8)

    frames, ended, notes = read(clip)

    assert len(frames) > 5
    assert len(frames) > 40 or any(note.startswith("the file ends early") for note in notes)
    assert (np.diff(times(frames)) > 0).all()
    assert times(frames)[-1] < 61 / 25 + 0.1
    assert ended.damaged > 0


def test_half_a_matroska_gives_its_frames_and_says_that_it_is_cut(tmp_path: Path) -> None:
    clip = cut(write_clip(tmp_path / "half.mkv", even(100), size_hw=(90, 160)), 0.5)

    frames, _, notes = read(clip)

    assert 30 < len(frames) < 70
    np.testing.assert_allclose(times(frames), even(len(frames)))
    assert notes == [f"the file ends early: it declares 4.0 s and holds {len(frames) / 25:.1f} s"]


def test_half_an_mp4_with_its_header_in_front_gives_its_frames_and_says_that_it_is_cut(tmp_path: Path) -> None:
    front = {"movflags": "faststart"}
    clip = cut(write_clip(tmp_path / "half.mp4", even(100), size_hw=(90, 160), container_options=front), 0.5)

    frames, _, notes = read(clip)

    assert 30 < len(frames) < 70
    assert notes[-1] == f"the file ends early: it declares 100 frames and holds {len(frames)}"


def test_pictures_of_another_size_and_the_same_shape_are_resized_and_told(tmp_path: Path) -> None:
    first = write_clip(tmp_path / "large.ts", even(20), size_hw=(96, 128), paint=corner, **H264)
    second = write_clip(tmp_path / "small.ts", even(20, start_s=2.0), size_hw=(48, 64), paint=corner, **H264)
    first.write_bytes(first.read_bytes() + second.read_bytes())

    frames, ended, notes = read(first)

    assert ended.frames == 40
    assert {frame.picture.shape for frame in frames} == {(96, 128, 3)}
    assert quarters(frames[-1].picture) == [[1, 0], [0, 0]]
    assert any("64 x 48 pixels; they are resized to 128 x 96" in note for note in notes)


def test_another_shape_in_the_middle_is_an_error_after_the_frames_before_it(tmp_path: Path) -> None:
    first = write_clip(tmp_path / "wide.ts", even(20), size_hw=(72, 128), **H264)
    second = write_clip(tmp_path / "high.ts", even(20, start_s=2.0), size_hw=(128, 72), **H264)
    first.write_bytes(first.read_bytes() + second.read_bytes())
    frames = []

    with open_video(first) as video, pytest.raises(DataError, match=r"changes its shape at .* from 128 x 72 to 72 x"):
        frames.extend(video)

    assert len(frames) == 20


def write_pictures(folder: Path, names: list[str], size_hw: tuple[int, int] = (30, 40)) -> Path:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        Image.fromarray(np.full((*size_hw, 3), 10 * number, dtype=np.uint8)).save(folder / name)
    return folder


def test_a_folder_of_pictures_is_a_video_in_the_order_in_which_people_count(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "shots", ["shot10.png", "shot9.png", "shot100.png"])

    frames, ended, notes = read(folder, fps=5)

    assert [int(frame.picture[0, 0, 0]) for frame in frames] == [10, 0, 20]
    np.testing.assert_allclose(times(frames), [0, 0.2, 0.4])
    assert ended == Ended(frames=3, damaged=0, time_s=0.4)
    assert notes == []


def test_a_broken_picture_of_a_folder_is_skipped_and_its_time_is_kept(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "shots", ["1.png", "2.png", "3.png", "4.png"])
    cut(folder / "2.png", 0.5)
    Image.fromarray(np.zeros((60, 80, 3), dtype=np.uint8)).save(folder / "5.png")

    frames, ended, notes = read(folder, fps=2)
    last, _, _ = read(folder, fps=2, from_frame=3, small_hw=(15, 20))

    np.testing.assert_allclose(times(frames), [0, 1, 1.5, 2])
    assert [frame.dropped for frame in frames] == [0, 1, 0, 0]
    assert {frame.picture.shape for frame in frames} == {(30, 40, 3)}
    assert ended == Ended(frames=4, damaged=1, time_s=2.0)
    assert notes == [
        "pictures that cannot be read and were skipped, first 2.png: 1",
        "pictures of another size, resized to 40 x 30: 1",
    ]
    assert [(frame.number, frame.picture.shape) for frame in last] == [(3, (15, 20, 3))]


def test_pictures_of_another_shape_are_refused(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "shots", ["1.png"])
    write_pictures(folder, ["2.png"], size_hw=(40, 30))

    with open_video(folder, fps=1) as video, pytest.raises(DataError, match=r"2\.png has 30 x 40 pixels.*one shape"):
        list(video)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "have no time stamps; state --fps"),
        ({"fps": 0}, "fps must be more than 0"),
        ({"fps": 5, "from_frame": -1}, "from_frame must be at least 0"),
        ({"fps": 5, "small_hw": (0, 5)}, "small_hw must be at least 1 x 1"),
    ],
)
def test_settings_that_do_not_fit_a_folder_are_refused(
    tmp_path: Path, settings: dict[str, object], sentence: str
) -> None:
    folder = write_pictures(tmp_path / "shots", ["1.png"])

    with pytest.raises(ConfigError, match=sentence):
        open_video(folder, **settings)  # type: ignore[arg-type]


def test_a_file_has_no_rate_but_its_own(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even(2))

    with pytest.raises(ConfigError, match=r"fps = 5 is for folders of pictures; .* has time stamps, so leave it out"):
        open_video(clip, fps=5)


def test_an_empty_folder_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no picture in"):
        open_video(tmp_path, fps=5)


def test_a_closed_video_ends(tmp_path: Path) -> None:
    with open_video(write_clip(tmp_path / "clip.mp4", even(5))) as video:
        next(video)

    assert list(video) == []
