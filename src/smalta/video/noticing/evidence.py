"""What proves an event: where the object was in the frame by which the event is known, and in the two before.

In:  masks of a track, frame by frame.
Out: plain data for the log: boxes, and masks as COCO run lengths of the whole picture.

No picture and no feature of one is kept.

Must not know: events, rules, files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from smalta.data.formats.outlines import Region, encode_runs
from smalta.video.values import Mask

KEPT = 3  # frames: that of the event and the two before


@dataclass(slots=True)
class Shown:
    """The last frames in which an object was seen, the newest last.

    Attributes:
        frames: number of the frame, and the object's visible part.
    """

    frames: tuple[tuple[int, Mask], ...] = ()

    def see(self, frame: int, mask: Mask) -> None:
        """Take what is seen in a frame."""
        self.frames = (*self.frames[1 - KEPT :], (frame, mask))

    def evidence(self, size_hw: tuple[int, int]) -> dict[str, Any] | None:
        """Plain data of the newest frame, and of those before under "before", the oldest first.

        Args:
            size_hw: of the picture, pixels.

        Returns:
            "frame", "box" (left, top, and the first column and row outside, pixels), "mask" (COCO's compressed run
            lengths: "size" height and width, "counts"); None if the object was never seen.
        """
        entries = [entry for frame, mask in self.frames if (entry := _entry(frame, mask, size_hw)) is not None]
        return {**entries[-1], "before": entries[:-1]} if entries else None

    def state(self) -> list[Any]:
        """Plain data."""
        return [[frame, mask.to_dict()] for frame, mask in self.frames]

    @classmethod
    def restored(cls, state: Sequence[tuple[int, Mapping[str, Any]]]) -> Self:
        """From its state."""
        return cls(tuple((frame, Mask.from_dict(mask)) for frame, mask in state))


def _entry(frame: int, mask: Mask, size_hw: tuple[int, int]) -> dict[str, Any] | None:
    height, width = size_hw
    (top, left), cell = mask.top_left, mask.cell
    rows, columns = (
        slice(max(0, -start), max(0, -(-size // cell) - start)) for start, size in ((top, height), (left, width))
    )
    cells = mask.cells[rows, columns]
    if not cells.any():
        return None
    top, left = max(top, 0) * cell, max(left, 0) * cell
    pixels = cells.repeat(cell, axis=0).repeat(cell, axis=1)[: height - top, : width - left]
    box = [left, top, left + pixels.shape[1], top + pixels.shape[0]]
    return {
        "frame": frame,
        "box": box,
        "mask": {"size": [height, width], "counts": encode_runs(Region(top, left, pixels), size_hw)},
    }
