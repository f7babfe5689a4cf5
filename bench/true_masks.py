"""Clips whose true masks take the place of a camera and a network.

In:  a generated clip.
Out: `ClipVideo`, which hands out its frames; `TrueSeer`, which sees what is true of the frame that was handed out last.

So the parts behind the network (tracks, rules, log) are measured alone.
"""

from __future__ import annotations

import numpy as np

from smalta.scenes.motion import Clip, TrueFrame
from smalta.scenes.motion.film import MARGIN
from smalta.video.reading.items import Ended, Found, Frame, Lost, Video
from smalta.video.values import Detections, Ground

CELL = 4
SURE = 0.95  # probability of the true class; the other leaves share the rest


class ClipVideo(Video):
    """The frames of a clip, as from a file.

    Args:
        clip: generated.
        from_frame: number of the first frame that is handed out.

    Attributes:
        shown: the frame that was handed out last.
    """

    live = False

    def __init__(self, clip: Clip, from_frame: int = 0) -> None:
        self.source = f"{clip.kind} {clip.seed}"
        self.size_hw, self.fps, self.n_frames = clip.size_hw, clip.fps, clip.n_frames
        self._clip, self._next, self._ended = clip, from_frame, False
        self.shown: TrueFrame | None = None

    def __next__(self) -> Frame | Lost | Found | Ended:
        if self._ended:
            raise StopIteration
        if self._next == self._clip.n_frames:
            self._ended = True
            return Ended(frames=self._next, damaged=0, time_s=(self._next - 1) / self._clip.fps)
        self.shown = self._clip.frame(self._next)
        self._next += 1
        return Frame(
            number=self.shown.number, time_s=self.shown.time_s, picture=self.shown.picture, dropped=0, utc_s=None
        )

    def notes(self) -> list[str]:
        return []

    def close(self) -> None:
        self._ended = True


class TrueSeer:
    """Sees true masks on cells.

    Args:
        clip: generated.

    Attributes:
        video: that hands out the frames; another one may be set.
    """

    cell, has_objects = CELL, True

    def __init__(self, clip: Clip, video: ClipVideo) -> None:
        self.video, self._tree = video, clip.tree
        stuff = clip.film.backdrop.classes[MARGIN:-MARGIN, MARGIN:-MARGIN]
        self._ground = Ground(classes=on_cells(stuff).astype(np.uint16), cell=CELL)

    def __call__(self, picture: np.ndarray, /) -> tuple[Detections, Ground]:
        frame = self.video.shown
        if frame is None or frame.picture is not picture:
            raise ValueError("the seer is shown another frame than the video has handed out")
        return detections(frame, self._tree.leaves, size_hw=picture.shape[:2]), self._ground


def detections(frame: TrueFrame, leaves: tuple[int, ...], *, size_hw: tuple[int, ...]) -> Detections:
    """The objects of a true frame, those of a cell or more."""
    instances = on_cells(frame.instances)
    numbers = np.unique(instances)
    numbers = numbers[numbers != 0]
    ordered = np.zeros(int(numbers.max(initial=0)) + 1, dtype=np.int32)
    ordered[numbers] = np.arange(1, len(numbers) + 1)
    probabilities = np.full((len(numbers), len(leaves)), (1 - SURE) / (len(leaves) - 1), dtype=np.float32)
    for row, number in enumerate(numbers.tolist()):
        probabilities[row, leaves.index(frame.node_of[number])] = SURE
    return Detections(
        instances=ordered[instances],
        cell=CELL,
        size_hw=(size_hw[0], size_hw[1]),
        probabilities=probabilities,
        scores=np.full(len(numbers), 0.9, dtype=np.float32),
    )


def on_cells(labels: np.ndarray) -> np.ndarray:
    """(h, w) of cells: the label in the middle of each cell of (H, W)."""
    height, width = labels.shape
    rows, columns = (np.minimum(np.arange(-(-side // CELL)) * CELL + CELL // 2, side - 1) for side in (height, width))
    return labels[np.ix_(rows, columns)]
