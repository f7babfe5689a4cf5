"""The part of a picture that a network is shown, and how far it is reduced.

    picture (H, W)                          cells of the whole picture
    +------------------------+              +------------------------+
    |   x0,y0 +-------+      |   cut, pad   |                        |
    |         | region|      |  --------->  shown --network--> cells  |   placed: cells outside the region are 0
    |         +-------+ x1,y1|  / factor    |                        |
    +------------------------+              +------------------------+

The region begins at a multiple of the cell's side, and the reduction is a whole number. So a cell of the shown picture
is exactly one cell of the whole picture.

numpy and OpenCV. Must not know: networks, rules, how region and reduction are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from smalta.errors import ShapeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """What of a picture is shown.

    Attributes:
        size_hw: of the picture, pixels.
        region_xyxy: of the picture, pixels: left, top, and the first column and row outside.
        factor: pixels of the picture per pixel of the shown picture, along each axis.

    Example:
        >>> crop = Crop.around((100, 50, 300, 200), size_hw=(360, 640), cell=8, factor=2)
        >>> crop.region_xyxy, crop.shown_hw
        ((96, 48, 304, 200), (76, 104))
    """

    size_hw: tuple[int, int]
    region_xyxy: tuple[int, int, int, int]
    factor: int = 1

    @classmethod
    def whole(cls, size_hw: tuple[int, int], factor: int = 1) -> Self:
        """All of a picture."""
        return cls(size_hw=size_hw, region_xyxy=(0, 0, size_hw[1], size_hw[0]), factor=factor)

    @classmethod
    def around(cls, box_xyxy: tuple[float, ...], *, size_hw: tuple[int, int], cell: int, factor: int = 1) -> Self:
        """The least region of whole cells that holds a box; what lies outside the picture is cut off.

        Args:
            box_xyxy: pixels; it overlaps the picture.
            size_hw: of the picture, pixels.
            cell: side of a cell, pixels of the picture.
            factor: of the reduction.
        """
        left, top = (max(int(low // cell) * cell, 0) for low in box_xyxy[:2])
        right, bottom = (
            min(-int(-high // cell) * cell, side) for high, side in zip(box_xyxy[2:], size_hw[::-1], strict=True)
        )
        return cls(size_hw=size_hw, region_xyxy=(left, top, right, bottom), factor=factor)

    @property
    def shown_hw(self) -> tuple[int, int]:
        """Of the shown picture, pixels."""
        left, top, right, bottom = self.region_xyxy
        return -(-(bottom - top) // self.factor), -(-(right - left) // self.factor)

    @property
    def is_whole(self) -> bool:
        """Whether the region is the whole picture."""
        return self.region_xyxy == (0, 0, self.size_hw[1], self.size_hw[0])

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """The shown picture (h, w, 3) uint8 of a picture (H, W, 3) uint8.

        Raises:
            ShapeError: if the picture has another size.
        """
        if picture.shape[:2] != self.size_hw:
            raise ShapeError(
                f"the frame has {picture.shape[0]} x {picture.shape[1]} px, but the video was opened with "
                f"{self.size_hw[0]} x {self.size_hw[1]} px; frames of one video must have one size"
            )
        left, top, right, bottom = self.region_xyxy
        part = picture[top:bottom, left:right]
        if self.factor == 1:
            return np.ascontiguousarray(part)
        height, width = self.shown_hw
        more = height * self.factor - part.shape[0], width * self.factor - part.shape[1]
        if any(more):  # so that each shown pixel stands for factor x factor pixels
            part = cv2.copyMakeBorder(part, 0, more[0], 0, more[1], cv2.BORDER_REPLICATE)
        return cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)

    def placed(self, cells: np.ndarray, cell: int) -> np.ndarray:
        """The map of the whole picture's cells from that of the shown picture (h, w); 0 outside the region.

        Args:
            cells: one value a cell.
            cell: side of a cell, pixels of the picture.
        """
        if self.is_whole:
            return cells
        whole = np.zeros((-(-self.size_hw[0] // cell), -(-self.size_hw[1] // cell)), dtype=cells.dtype)
        row, column = self.region_xyxy[1] // cell, self.region_xyxy[0] // cell
        whole[row : row + cells.shape[0], column : column + cells.shape[1]] = cells
        return whole
