from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from clips import MPEG, even, write_clip
from smalta.errors import DataError
from smalta.video.frames import Frame, open_video
from smalta.video.reading import decoding
from smalta.video.reading.decoding import Decoder, opened_within
from smalta.video.reading.sources import Source, source_of


class BrokenContainer:
    """Gives some packets of another container, then errors."""

    def __init__(self, container: Any, n_packets: int) -> None:
        self._packets = container.demux()
        self._left = n_packets

    def demux(self) -> Iterator[Any]:
        for packet in self._packets:
            if self._left == 0:
                raise av.error.InvalidDataError(1, "damaged")
            self._left -= 1
            yield packet


def test_frames_that_the_decoder_holds_back_are_not_lost_where_the_container_is_broken(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", even(40), codec="libx264", options={"bf": "3"})
    decoder = Decoder(source_of(clip))
    decoder._container = BrokenContainer(decoder._container, 21)

    frames = [frame for frame in decoder.frames() if frame is not None]

    assert len(frames) + decoder.skipped == 21
    assert decoder.broken


def test_a_transport_stream_of_days_wraps_twice_and_goes_on(tmp_path: Path) -> None:
    days = [20_000.0 * number for number in range(12)]  # 33 bits are full after 95,444 s
    options = {"tune": "zerolatency", "g": "1"}
    clip = write_clip(tmp_path / "days.ts", days, codec="libx264", unit=MPEG, options=options)

    with open_video(clip) as video:
        times = [item.time_s for item in video if isinstance(item, Frame)]

    np.testing.assert_allclose(times, days)


def test_opening_that_takes_too_long_is_given_up_and_closed_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class SlowDecoder:
        def __init__(self, source: Source, *, silent_s: float) -> None:
            time.sleep(0.3)

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(decoding, "Decoder", SlowDecoder)

    with pytest.raises(DataError, match=r"rtsp://cam/x: no answer for 0\.1 s; check the address, and that it is"):
        opened_within(source_of("rtsp://cam/x"), 0.1)

    assert closed == []
    time.sleep(0.5)
    assert closed == [True]
