"""A file that behaves like a camera: its frames come in real time, and only the newest is kept.

In:  a video file.
Out: `LiveClip`, which `smalta.video.watch` can watch.

The thread decodes and converts every frame, so reading costs as much as it can cost.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

from smalta.video.frames import open_video
from smalta.video.reading.items import Ended, Found, Frame, Lost, Video


class LiveClip(Video):
    """The frames of a file at the times of their stamps.

    Args:
        path: of the file.

    Attributes:
        arrived: frames so far.
        waits: seconds from the arrival of a frame until the next one was asked for, that is, until it was done.
    """

    live = True

    def __init__(self, path: Path) -> None:
        self._file = open_video(path)
        self.source, self.size_hw = self._file.source, self._file.size_hw
        self.fps, self.n_frames = self._file.fps, None
        self.arrived, self.waits = 0, list[float]()
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._done = False
        self._since: float | None = None  # arrival of the frame that is being worked on
        self._last = -1  # number of that frame
        self._thread: threading.Thread | None = None

    def _run(self) -> None:
        start = time.monotonic()
        for item in self._file:
            if not isinstance(item, Frame):
                break
            time.sleep(max(0.0, start + item.time_s - time.monotonic()))
            with self._changed:
                if self._done:
                    return
                self.arrived += 1
                self._newest = replace(item, utc_s=time.time())
                self._changed.notify_all()
        with self._changed:
            self._done = True
            self._changed.notify_all()

    def __next__(self) -> Frame | Lost | Found | Ended:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True, name="live-clip")
            self._thread.start()
        if self._since is not None:
            self.waits.append(time.time() - self._since)
            self._since = None
        with self._changed:
            while self._newest is None and not self._done:
                self._changed.wait()
            frame, self._newest = self._newest, None
        if frame is None:
            raise StopIteration
        self._since, dropped, self._last = frame.utc_s, frame.number - self._last - 1, frame.number
        return replace(frame, dropped=dropped)

    def notes(self) -> list[str]:
        return self._file.notes()

    def close(self) -> None:
        with self._changed:
            self._done = True
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._file.close()
