from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from clips import MPEG, drifting, even, write_clip
from smalta.errors import ConfigError, DataError
from smalta.video.frames import Ended, Found, Frame, LiveLimits, Lost, Video, open_video
from smalta.video.reading.live import Connection
from streams import HANG, HEAD, REFUSED, RtspServer, StreamServer

QUICK = LiveLimits(silent_s=1.0, first_wait_s=0.05, longest_wait_s=0.2)
PACKET = 188  # bytes of a transport stream


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Transport streams of two seconds each: one that begins at 5 s, one that begins at 0 s."""
    folder = tmp_path_factory.mktemp("streams")
    options = {"tune": "zerolatency", "g": "10"}
    first, second = (
        write_clip(folder / f"{start}.ts", even(50, start_s=start), codec="libx264", unit=MPEG, options=options)
        for start in (5.0, 0.0)
    )
    return first.read_bytes(), second.read_bytes()


def until_found(video: Video) -> tuple[list[Frame], Lost, Found, Frame]:
    """Everything up to the first frame after the first loss."""
    before: list[Frame] = []
    for item in video:
        if isinstance(item, Lost):
            break
        assert isinstance(item, Frame)
        before.append(item)
    lost, found, after = item, next(video), next(video)
    assert isinstance(lost, Lost)
    assert isinstance(found, Found)
    assert isinstance(after, Frame)
    return before, lost, found, after


def test_a_stream_that_closes_and_starts_again_from_zero_goes_on_after_the_real_gap(
    streams: tuple[bytes, bytes],
) -> None:
    first, second = streams
    with StreamServer([HEAD, first], [HEAD, 0.3, second, HANG]) as server:
        begun_s = time.time()
        with open_video(server.address(), limits=QUICK) as video:
            assert video.live
            assert video.size_hw == (48, 64)
            assert video.n_frames is None
            before, lost, found, after = until_found(video)
        notes = video.notes()

    assert before[-1].time_s == pytest.approx(6.96, abs=0.05)
    assert lost.time_s == before[-1].time_s
    assert lost.reason == "the source closed the connection"
    assert 0.3 < found.after_s < 5
    assert found.time_s == after.time_s == pytest.approx(lost.time_s + found.after_s, abs=1e-9)
    assert after.number > before[-1].number
    assert after.utc_s == found.utc_s
    assert begun_s <= lost.utc_s <= found.utc_s <= time.time()
    assert "losses of the source: 1" in notes


def test_a_stream_that_stalls_is_lost_and_found_again(streams: tuple[bytes, bytes]) -> None:
    first, second = streams
    with (
        StreamServer([HEAD, first, HANG], [HEAD, second, HANG]) as server,
        open_video(server.address(), limits=LiveLimits(silent_s=0.6, first_wait_s=0.05)) as video,
    ):
        before, lost, found, after = until_found(video)

    assert lost.reason == "no frame for 0.6 s"
    assert found.after_s >= 0.6
    assert after.time_s - before[-1].time_s == pytest.approx(found.after_s, abs=1e-9)


def test_frames_after_a_gap_keep_the_steps_of_their_stamps(streams: tuple[bytes, bytes]) -> None:
    first, second = streams
    with (
        StreamServer([HEAD, first], [HEAD, *slowly(second), HANG]) as server,
        open_video(server.address(), limits=QUICK) as video,
    ):
        *_, found, _after = until_found(video)
        last = found.time_s
        for item in itertools.islice(video, 5):
            assert isinstance(item, Frame)
            steps = (item.time_s - found.time_s) * 25
            assert steps == pytest.approx(round(steps), abs=0.01)
            assert item.time_s > last
            last = item.time_s


def slowly(content: bytes, *, parts: int = 20, seconds: float = 1.0) -> list[bytes | float]:
    """A stream in parts with waits between them."""
    length = -(-len(content) // parts)
    pieces = [content[start : start + length] for start in range(0, len(content), length)]
    return [step for piece in pieces for step in (piece, seconds / parts)]


def test_only_the_newest_frame_is_handed_out_and_the_others_are_counted(streams: tuple[bytes, bytes]) -> None:
    frames = []
    with (
        StreamServer([HEAD, *slowly(streams[0]), HANG]) as server,
        open_video(server.address(), limits=QUICK) as video,
    ):
        for item in video:
            if isinstance(item, Lost):
                break
            frames.append(item)
            time.sleep(0.2)  # the network of a slow computer

    assert all(isinstance(frame, Frame) for frame in frames)
    numbers = [frame.number for frame in frames]
    assert len(frames) < 25
    assert numbers == sorted(set(numbers))
    assert [frame.dropped + 1 for frame in frames] == np.diff([-1, *numbers]).tolist()
    assert numbers[-1] >= 46  # of 49; the last are not decoded while more may follow


def test_one_in_a_hundred_damaged_packets_moves_no_time(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "long.ts", even(150), size_hw=(180, 320), codec="libx264", unit=MPEG)
    whole = clip.read_bytes()
    content = np.frombuffer(whole, dtype=np.uint8).reshape(-1, PACKET).copy()
    random = np.random.default_rng(3)
    for packet in random.permutation(np.arange(20, len(content)))[: len(content) // 100 + 1]:
        content[packet, random.integers(4, PACKET, 8)] ^= 0xFF
    items = []
    with (
        StreamServer([HEAD, *slowly(content.tobytes(), parts=40)], [HEAD, whole, HANG]) as server,
        open_video(server.address(), limits=QUICK) as video,
    ):
        for item in video:
            items.append(item)
            if isinstance(item, Found):
                break
        notes = video.notes()

    times = [item.time_s for item in items if isinstance(item, Frame)]
    assert len(times) > 3  # a busy computer sees few of them
    assert (np.diff(times) > 0).all()
    assert times[-1] < 6.5
    assert any(note.startswith("damaged packets and frames: ") for note in notes)


def test_reconnections_wait_longer_and_longer(streams: tuple[bytes, bytes]) -> None:
    limits = LiveLimits(silent_s=1.0, first_wait_s=0.1, longest_wait_s=0.3)
    with (
        StreamServer([HEAD, streams[0]], [], [], [], [], [HEAD, streams[1], HANG]) as server,
        open_video(server.address(), limits=limits) as video,
    ):
        until_found(video)
        waits = np.diff(server.connected_s)

    assert len(waits) == 5
    assert (waits[1:] >= [0.2, 0.3, 0.3, 0.3]).all()
    assert (waits[1:] < 2).all()


def test_a_source_that_never_answers_is_told_in_time() -> None:
    with StreamServer([HANG]) as server:
        begun_s = time.monotonic()
        with pytest.raises(DataError, match=r"/stream: no (answer|frame) for 0\.4 s; check the address"):
            open_video(server.address(), limits=LiveLimits(silent_s=0.4))

        assert time.monotonic() - begun_s < 2


def test_a_source_that_answers_and_sends_nothing_is_told_in_time() -> None:
    with StreamServer([HEAD, HANG]) as server, pytest.raises(DataError, match=r"no (answer|frame) for 0\.4 s"):
        open_video(server.address(), limits=LiveLimits(silent_s=0.4))


def test_a_refused_connection_is_an_error_with_a_sentence() -> None:
    with StreamServer([]) as server:
        address = server.address()

    with pytest.raises(DataError, match="the connection was refused; check the address"):
        open_video(address, limits=QUICK)


def test_a_server_that_sends_text_is_an_error_with_a_sentence() -> None:
    with (
        StreamServer([b"HTTP/1.0 200 OK\r\nContent-Length: 6000\r\n\r\n", b"hello " * 1000]) as server,
        pytest.raises(DataError, match="what it sends is not video that FFmpeg can read"),
    ):
        open_video(server.address(), limits=QUICK)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_wrong_password_is_told_and_never_shown(
    scheme: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = StreamServer([REFUSED]) if scheme == "http" else RtspServer(1, user="admin:right")
    with server, pytest.raises(DataError, match="the user name or the password is wrong") as refused:
        open_video(server.address("admin:S3CR3T"), limits=QUICK)

    shown = capfd.readouterr()
    error: BaseException | None = refused.value
    texts = [shown.out, shown.err, caplog.text]
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    assert "S3CR3T" not in " ".join(texts)
    assert "admin:***@127.0.0.1" in str(refused.value)


def test_an_rtsp_camera_with_the_right_password_is_followed_and_its_password_is_not_shown() -> None:
    with (
        RtspServer(50, user="admin:S3CR3T") as server,
        open_video(server.address("admin:S3CR3T"), limits=LiveLimits(silent_s=5.0, first_wait_s=0.05)) as video,
    ):
        before, lost, found, after = until_found(video)

    assert video.source.startswith("rtsp://admin:***@127.0.0.1")
    assert "S3CR3T" not in repr(video) + lost.reason
    assert len(before) > 10
    steps = np.diff([frame.time_s for frame in before]) * 25
    np.testing.assert_allclose(steps, np.round(steps), atol=0.01)
    assert after.time_s == pytest.approx(before[-1].time_s + found.after_s, abs=1e-9)


def test_pictures_sent_one_by_one_have_the_times_of_their_arrival() -> None:
    head = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n"
    parts = []
    for number in range(60):
        content = cv2.imencode(".jpg", drifting(number, (48, 64)))[1].tobytes()
        parts.append(
            b"--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(content) + content + b"\r\n"
        )
    steps = [step for part in parts for step in (part, 0.02)]  # 50 frames a second, and FFmpeg believes in 25
    with StreamServer([head, *steps]) as server, open_video(server.address(), limits=QUICK) as video:
        frames = list(itertools.takewhile(lambda item: isinstance(item, Frame), video))

    arrivals = np.array([frame.utc_s for frame in frames])
    np.testing.assert_allclose([frame.time_s for frame in frames], arrivals - arrivals[0], atol=0.02)
    assert any("whose time is that of their arrival" in note for note in video.notes())


def test_a_video_on_a_server_whose_length_is_known_is_read_to_its_end(tmp_path: Path) -> None:
    front = {"movflags": "faststart"}
    clip = write_clip(tmp_path / "clip.mp4", even(60), container_options=front).read_bytes()
    head = b"HTTP/1.0 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: %d\r\n\r\n" % len(clip)

    with StreamServer([head, clip]) as server, open_video(server.address(), limits=QUICK) as video:
        items = list(video)

    assert not video.live
    assert [item.number for item in items if isinstance(item, Frame)] == list(range(60))
    assert items[-1] == Ended(frames=60, damaged=0, time_s=pytest.approx(59 / 25))


def test_a_video_on_a_server_that_stops_half_way_is_an_error_after_its_frames(tmp_path: Path) -> None:
    front = {"movflags": "faststart"}
    clip = write_clip(tmp_path / "clip.mp4", even(100), size_hw=(180, 320), container_options=front).read_bytes()
    head = b"HTTP/1.0 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: %d\r\n\r\n" % len(clip)
    items = []

    with (
        StreamServer([head, clip[: len(clip) // 2], HANG]) as server,
        open_video(server.address(), limits=QUICK) as video,
        pytest.raises(DataError, match=r"stopped at \d\.\d+ s: no frame for 1 s; download the file"),
    ):
        items.extend(video)

    assert len(items) > 20


def test_a_live_source_gives_small_pictures(streams: tuple[bytes, bytes]) -> None:
    with (
        StreamServer([HEAD, streams[0], HANG]) as server,
        open_video(server.address(), limits=QUICK, small_hw=(24, 32)) as video,
    ):
        frame = next(video)

    assert isinstance(frame, Frame)
    assert frame.picture.shape == (24, 32, 3)


def test_a_live_source_cannot_begin_at_a_frame(streams: tuple[bytes, bytes]) -> None:
    with (
        StreamServer([HEAD, streams[0], HANG]) as server,
        pytest.raises(ConfigError, match="from_frame = 5 needs a video with an end"),
    ):
        open_video(server.address(), limits=QUICK, from_frame=5)


def test_a_live_video_that_is_closed_ends_also_while_it_waits(streams: tuple[bytes, bytes]) -> None:
    with StreamServer([HEAD, streams[0]], []) as server:
        video = open_video(server.address(), limits=LiveLimits(silent_s=1.0, first_wait_s=50))
        closing = threading.Timer(0.5, video.close)
        closing.start()
        items = list(video)
        closing.join()

    assert isinstance(items[-1], Lost)


class FakeDecoder:
    """Gives what its list says; a number is a wait in seconds."""

    without_stamps = False
    skipped = repaired = 0

    def __init__(self, *items: object) -> None:
        self._items = items
        self.closed = threading.Event()

    def stamp_of(self, frame: SimpleNamespace) -> float:
        return float(frame.pts * Fraction(1, 25))

    def frames(self) -> Iterator[object]:
        for item in self._items:
            if isinstance(item, float):
                time.sleep(item)
            elif isinstance(item, Exception):
                raise item
            else:
                yield item

    def close(self) -> None:
        self.closed.set()


def test_sound_alone_does_not_keep_a_stream_alive() -> None:
    sound = [item for _ in range(200) for item in (None, 0.02)]
    decoder = FakeDecoder(SimpleNamespace(pts=0), *sound)

    connection = Connection(lambda: decoder, LiveLimits(silent_s=0.2))  # type: ignore[arg-type, return-value]

    assert not isinstance(connection.newest(), str)
    assert connection.newest() == "no frame for 0.2 s"
    connection.give_up()
    assert decoder.closed.wait(0.5)


def test_a_decoder_that_fails_in_an_unknown_way_is_a_reason_and_no_crash() -> None:
    decoder = FakeDecoder(SimpleNamespace(pts=0), 0.05, RuntimeError("rtsp://admin:S3CR3T@cam"))

    connection = Connection(lambda: decoder, QUICK)  # type: ignore[arg-type, return-value]

    assert not isinstance(connection.newest(), str)
    assert connection.newest() == "it cannot be read (RuntimeError)"


def test_a_driver_that_hangs_cannot_hold_up_the_reader() -> None:
    connection = Connection(lambda: time.sleep(1.0), LiveLimits(silent_s=0.2))  # type: ignore[arg-type, return-value]

    assert connection.newest() == "no frame for 0.2 s"


@pytest.mark.parametrize("wrong", [{"silent_s": 0.0}, {"first_wait_s": -1.0}, {"first_wait_s": 5, "longest_wait_s": 1}])
def test_impossible_limits_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="must be"):
        LiveLimits(**wrong)
