"""A small world that a watch can see without a network: red blobs are people, on a floor.

Somebody walks through the door and back, and somebody stands in the shop. `python blobs.py DIR [--resume]` watches it;
a test kills that program.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from smalta.video.pacing import VideoFacts, pace
from smalta.video.reading.items import Ended, Found, Frame, Lost, Video
from smalta.video.rules import WatchRules
from smalta.video.showing.outputs import Wanted
from smalta.video.values import Detections, Ground
from smalta.video.watch import Job, header_of, watch
from watched import CELL, SIZE_HW, TREE, rules

FPS, FRAMES = 10.0, 80
BACK = cv2.GaussianBlur(np.random.default_rng(1).integers(40, 90, (*SIZE_HW, 3), dtype=np.uint8), (0, 0), 1.5)
STANDS = (120, 60)  # left and top of who stands in the shop
SIZE_XY = (16, 28)


def walker(time_s: float) -> tuple[int, int]:
    """Left and top of who walks: through the door until second 3, back from second 4.5 to 7.5."""
    down = min(time_s / 3, 1.0) - min(max((time_s - 4.5) / 3, 0.0), 1.0)
    return 64, round(4 + 52 * down)


def picture(time_s: float) -> np.ndarray:
    """(96, 160, 3) uint8 RGB."""
    image = BACK.copy()
    for left, top in (walker(time_s), STANDS):
        image[top : top + SIZE_XY[1], left : left + SIZE_XY[0]] = (220, 30, 30)
    return image


class BlobVideo(Video):
    """The world as a file, or as a live source.

    Args:
        from_frame: number of the first frame.
        n: number of frames.
        items: what happens instead of a frame, by its number; a function is called.
        times: seconds of a frame by its number, where it is not number / FPS.
        utc_s: Unix seconds of second 0 of a live source; None for a file.
    """

    def __init__(
        self,
        from_frame: int = 0,
        *,
        n: int = FRAMES,
        items: Mapping[int, Lost | Found | Callable[[], object]] | None = None,
        time_of: Callable[[int], float] = lambda number: number / FPS,
        utc_s: float | None = None,
    ) -> None:
        self.source, self.size_hw, self.fps, self.n_frames = "blobs", SIZE_HW, FPS, n
        self.live = utc_s is not None
        self._items = self._all(from_frame, n, dict(items or {}), time_of, utc_s)

    def _all(
        self, start: int, n: int, items: dict[int, Any], time_of: Callable[[int], float], utc_s: float | None
    ) -> Iterator[Frame | Lost | Found | Ended]:
        for number in range(start, n):
            instead = items.get(number)
            if callable(instead):
                instead()
            elif instead is not None:
                yield instead
            time_s = time_of(number)
            arrived = None if utc_s is None else utc_s + time_s
            yield Frame(number=number, time_s=time_s, picture=picture(time_s), dropped=0, utc_s=arrived)
        if not self.live:
            yield Ended(frames=n, damaged=0, time_s=time_of(n - 1) if n else 0.0)

    def __next__(self) -> Frame | Lost | Found | Ended:
        return next(self._items)

    def notes(self) -> list[str]:
        return []

    def close(self) -> None:
        self._items = iter(())


class BlobSeer:
    """Connected red pixels are one person; all else is floor."""

    cell = CELL

    def __init__(self, *, has_objects: bool = True) -> None:
        self.has_objects = has_objects

    def __call__(self, picture: np.ndarray, /) -> tuple[Detections | None, Ground]:
        red = (picture[..., 0] > 150) & (picture[..., 1] < 100)
        cells = red[CELL // 2 :: CELL, CELL // 2 :: CELL].astype(np.uint8)
        ground = Ground(classes=np.full(cells.shape, TREE["floor"].id, np.uint16), cell=CELL)
        if not self.has_objects:
            return None, ground
        count, labels = cv2.connectedComponents(cells)
        leaves = np.full((count - 1, TREE.n_leaves), 0.02, np.float32)
        leaves[:, TREE.leaves.index(TREE["person/guest"].id)] = 1 - 0.02 * (TREE.n_leaves - 1)
        found = Detections(
            instances=labels.astype(np.int32),
            cell=CELL,
            size_hw=SIZE_HW,
            probabilities=leaves,
            scores=np.full(count - 1, 0.9, np.float32),
        )
        return found, ground


def job(
    folder: Path, *, model: str = "blobs", live: bool = False, ruled: WatchRules | None = None, **changes: Any
) -> Job:
    """A watch of the world with the rules of `watched`."""
    fitted = rules() if ruled is None else ruled
    made = pace(VideoFacts(size_hw=SIZE_HW, fps=FPS, live=live), stride=CELL, network_s=lambda size_hw: 0.001)
    usual: dict[str, Any] = {
        "folder": folder,
        "header": header_of(fitted, model=model, source="blobs", size_hw=SIZE_HW, live=live, settings=made.to_dict()),
        "rules": fitted,
        "pace": made,
        "seer": BlobSeer(),
        "wanted": Wanted(),
        "reopen": BlobVideo,
        "report": lambda sentence: None,
    }
    return Job(**usual | changes)


if __name__ == "__main__":
    slow = {number: lambda: time.sleep(0.004) for number in range(FRAMES)}
    watch(
        BlobVideo(items=slow),
        job(Path(sys.argv[1]), save_every_s=0.05, reopen=lambda number: BlobVideo(number, items=slow)),
        resume="--resume" in sys.argv,
    )
