"""Follow a live source: the newest frame only, and what happens when the source is lost.

In:  the address of a stream, or a camera.
Out: `Frame`, `Lost`, `Found`; never an end.

A thread for each connection decodes every frame and keeps the newest, because what is not decoded cannot be left out
of a stream. Everything else happens in the caller's thread. Must not know: files, networks, tracks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smalta.errors import ConfigError, DataError
from smalta.video.reading.conversion import Converter
from smalta.video.reading.decoding import Decoder
from smalta.video.reading.items import Ended, Found, Frame, Lost, Video, counts
from smalta.video.reading.sources import CLOSED, Source, pyav, reason_of
from smalta.video.reading.stamps import LiveStamps

if TYPE_CHECKING:
    from av import VideoFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLimits:
    """How patient smalta is with a live source, seconds.

    Attributes:
        silent_s: without a frame for so long, the source is lost.
        first_wait_s: between the loss and the first new connection; each further wait is twice as long.
        longest_wait_s: the longest of these waits.
        clock_s: how far the stamps of a young connection may run ahead of the clock of this computer.
    """

    silent_s: float = 10.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    clock_s: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.silent_s < float("inf"):
            raise ConfigError(f"silent_s must be more than 0 s, got {self.silent_s}")
        if not 0 <= self.first_wait_s <= self.longest_wait_s:
            raise ConfigError(
                f"first_wait_s must be in [0, longest_wait_s = {self.longest_wait_s}], got {self.first_wait_s}"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrived:
    """The newest frame of a connection.

    Attributes:
        frame: decoded.
        place: from 0, among the frames of its connection.
        stamp_s: its own time stamp, seconds; None if it has none, or only one that FFmpeg invented.
        monotonic_s: when it arrived, seconds of the monotonic clock.
        utc_s: when it arrived, Unix seconds.
        skipped: damaged packets of the connection before it.
    """

    frame: VideoFrame
    place: int
    stamp_s: float | None
    monotonic_s: float
    utc_s: float
    skipped: int


class Connection:
    """One connection to a live source, read by a thread of its own until it fails or is given up.

    Args:
        opener: opens the source; it runs in the thread.
        limits: see `LiveLimits`.
    """

    def __init__(self, opener: Callable[[], Decoder], limits: LiveLimits) -> None:
        self._opener = opener
        self._limits = limits
        self._changed = threading.Condition()
        self._newest: Arrived | None = None
        self._stopped: str | None = None
        self._silence = f"no frame for {limits.silent_s:g} s"
        self._heard_s = time.monotonic()  # the start, then the last frame
        self._given_up = False
        self.arrived = 0
        self.damaged = 0
        threading.Thread(target=self._run, daemon=True, name="smalta-live").start()

    def newest(self) -> Arrived | str:
        """The newest frame that was not taken yet, as soon as there is one; else why there will be none."""
        with self._changed:
            while self._newest is None:
                if self._stopped is not None:
                    return self._stopped
                left_s = self._heard_s + self._limits.silent_s - time.monotonic()
                if left_s <= 0:
                    return self._silence
                self._changed.wait(left_s)
            newest, self._newest = self._newest, None
            return newest

    def give_up(self) -> None:
        """Frames that still arrive are ignored; the thread ends with the next of them, or when it stops waiting."""
        with self._changed:
            self._given_up = True
            self._stopped = self._stopped or "closed"
            self._changed.notify_all()

    def _run(self) -> None:
        reason = CLOSED
        decoder: Decoder | None = None
        try:
            decoder = self._opener()
            for frame in decoder.frames():
                if not self._keep(decoder, frame):
                    break
        except pyav().error.FFmpegError as error:
            reason = reason_of(error, silent_s=self._limits.silent_s)
        except DataError:
            reason = "it cannot be opened"
        except Exception as error:  # a decoder may fail in any way; a watcher of cameras goes on
            reason = f"it cannot be read ({type(error).__name__})"
        finally:
            if decoder is not None:
                decoder.close()
            with self._changed:
                self._stopped = self._stopped or reason
                self._changed.notify_all()

    def _keep(self, decoder: Decoder, frame: VideoFrame | None) -> bool:
        """Keep a frame as the newest; returns whether to go on."""
        now_s = time.monotonic()
        with self._changed:
            if self._given_up:
                return False
            self.damaged = decoder.skipped + decoder.repaired
            if frame is None:  # sound alone does not keep a stream alive: `newest` gives up
                return True
            self._newest = Arrived(
                frame=frame,
                place=self.arrived,
                stamp_s=None if decoder.without_stamps else decoder.stamp_of(frame),
                monotonic_s=now_s,
                utc_s=time.time(),
                skipped=decoder.skipped,
            )
            self._heard_s = now_s
            self.arrived += 1
            self._changed.notify_all()
        return True


class LiveVideo(Video):
    """A live source: every call of `next` gives the newest frame, waits for one, or says that the source is lost.

    Args:
        source: a stream or a camera.
        decoder: opened on it, for the first connection; this closes it.
        limits: see `LiveLimits`.
        small_hw: size of the pictures; None: as stored.

    Raises:
        DataError: if no frame comes within `silent_s`.
    """

    live = True
    n_frames = None

    def __init__(
        self,
        source: Source,
        decoder: Decoder,
        *,
        limits: LiveLimits,
        small_hw: tuple[int, int] | None = None,
    ) -> None:
        self.source = source.shown
        self._opener = lambda: Decoder(source, silent_s=limits.silent_s)
        self._limits = limits
        self._closing = threading.Event()
        self._waiting: deque[Frame | Lost | Found] = deque()
        self._connection: Connection | None = Connection(lambda: decoder, limits)
        first = self._connection.newest()
        if isinstance(first, str):
            self._connection.give_up()
            raise DataError(f"{self.source}: {first}; check the address, and that the source is switched on")
        self.fps = decoder.fps
        self._converter = Converter(self.source, first.frame, decoder.tags, small_hw=small_hw)
        self.size_hw = self._converter.size_hw
        self._stamps = LiveStamps(wrap_s=decoder.wrap_s, clock_s=limits.clock_s)
        self._lost = False
        self._wait_s = limits.first_wait_s
        self._next_try_s = 0.0
        self._heard_s = first.monotonic_s  # arrival of the last frame that was taken
        self._before = 0  # frames of earlier connections
        self._damaged_before = 0
        self._next_number = 0
        self._skipped = 0  # damaged packets of this connection that were reported as dropped
        self._used = 0
        self._losses = 0
        self._take(first)

    def __next__(self) -> Frame | Lost | Found | Ended:
        while not self._closing.is_set():
            if self._waiting:
                return self._waiting.popleft()
            if self._connection is None:
                self._closing.wait(max(0.0, self._next_try_s - time.monotonic()))
                self._connection, self._skipped = Connection(self._opener, self._limits), 0
                continue
            arrived = self._connection.newest()
            if isinstance(arrived, str):
                self._lose(self._connection, arrived)
            else:
                self._take(arrived)
        raise StopIteration

    def close(self) -> None:
        """Stop reading; iteration ends, also while it waits."""
        self._closing.set()
        if self._connection is not None:
            self._connection.give_up()

    def notes(self) -> list[str]:
        """What the user should know of the frames so far, one sentence each."""
        faults = self._stamps.faults
        damaged = self._damaged_before + (self._connection.damaged if self._connection else 0)
        return counts(
            ("frames that arrived", self._next_number),
            ("frames that were left out for newer ones", self._next_number - self._used),
            ("damaged packets and frames", damaged),
            ("losses of the source", self._losses),
            ("frames without a usable time stamp, whose time is that of their arrival", faults.missing),
            ("new starts of the time stamps, at which time goes on by the clock of this computer", faults.restarts),
        )

    def _lose(self, connection: Connection, reason: str) -> None:
        """A connection failed: the first time this is an event; then try again after a longer and longer wait."""
        connection.give_up()
        self._before += connection.arrived
        self._damaged_before += connection.damaged
        self._connection = None
        self._next_try_s = time.monotonic() + self._wait_s
        self._wait_s = min(max(2 * self._wait_s, self._limits.first_wait_s), self._limits.longest_wait_s)
        if not self._lost:
            self._lost = True
            self._losses += 1
            self._waiting.append(Lost(time_s=self._stamps.last_s, utc_s=time.time(), reason=reason))

    def _take(self, arrived: Arrived) -> None:
        """Give the newest frame its time; after a loss it is found."""
        gap_s = arrived.monotonic_s - self._heard_s
        if self._lost:
            self._stamps.resume()
        time_s = self._stamps.time_of(arrived.stamp_s, elapsed_s=gap_s)
        if time_s is None:
            return
        if self._lost:
            self._waiting.append(Found(time_s=time_s, utc_s=arrived.utc_s, after_s=gap_s))
            self._lost, self._wait_s = False, self._limits.first_wait_s
        number = self._before + arrived.place
        dropped = number - self._next_number + arrived.skipped - self._skipped
        picture = self._converter.picture(arrived.frame, time_s)
        self._waiting.append(Frame(number=number, time_s=time_s, picture=picture, dropped=dropped, utc_s=arrived.utc_s))
        self._next_number, self._skipped = number + 1, arrived.skipped
        self._heard_s = arrived.monotonic_s
        self._used += 1
