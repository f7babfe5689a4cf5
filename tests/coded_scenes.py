"""Pictures that say in their colours what is in them, and a stand-in for a network that reads them.

Where a network is asked, its processor rounds; here every map is of numbers that a float holds exactly. Red says which
leaf of the class tree a pixel is, and which value of the attribute. Green and blue are the way to the object's middle,
in steps of 2 pixels from 128, and 0 outside objects.

Must not know: smalta.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import tifffile
import zarr

STEP = 12  # of red, from leaf to leaf
BLOCK = 16  # pixels a side, of what is disturbed
MOST_LEAVES = 31


def code(leaves: np.ndarray, n_leaves: int, values: np.ndarray, instances: np.ndarray, seed: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB; some blocks say another leaf, and some say that the object's middle is here.

    Args:
        leaves: (H, W) 1.. = the leaf, 0 for none.
        n_leaves: of the class tree.
        values: (H, W) 1.. = the attribute's value, 0 for none.
        instances: (H, W) 1.. = the object, 0 for none.
        seed: of the disturbances.
    """
    rows, columns = np.indices(leaves.shape)
    noise = (rows // BLOCK * 7919 + columns // BLOCK * 4729 + seed * 31) % 997
    shown = np.where(noise % 19 == 0, (leaves + noise) % n_leaves + 1, leaves)
    coded = np.stack([shown * STEP + values, np.zeros_like(shown), np.zeros_like(shown)], axis=2)
    for number in range(1, int(instances.max()) + 1):
        inside = instances == number
        for channel, axis in enumerate((rows, columns), start=1):
            way = (axis[inside].sum() // np.count_nonzero(inside) - axis[inside]) // 2
            coded[inside, channel] = np.where(noise[inside] % 23 == 0, 128, (128 + way).clip(1, 255))
    return coded.astype(np.uint8)


def write(path: Path, pixels: np.ndarray) -> None:
    """A picture (RGB or one channel) in the format of its suffix; a TIFF whose name says so in 16 bits of grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zarr":
        zarr.create_array(path, data=pixels, chunks=(64, 256, 3))
    elif path.suffix == ".tif":
        grey = path.stem.endswith("grey")
        tifffile.imwrite(path, pixels.sum(axis=2).astype(np.uint16) * 50 if grey else pixels, tile=(64, 64))
    else:
        cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


class Reader:
    """Stands in for a network, and answers with what `code` wrote.

    Args:
        leaf_of: for each leaf that is coded, the leaf of this model.
        stride: of its maps.
        n_values: of the attribute; 0 for a model without attribute and objects.
    """

    streams = 2

    def __init__(self, leaf_of: Sequence[int], stride: int, n_values: int = 0) -> None:
        self.stride, self._n_values, self._n_leaves = stride, n_values, max(leaf_of) + 1
        self._leaves = np.zeros(256 // STEP + 1, np.int64)  # 0 is for pixels that say nothing
        self._leaves[1 : 1 + len(leaf_of)] = np.asarray(leaf_of) + 1

    def maps(self, pictures: np.ndarray, /) -> dict[str, np.ndarray]:
        (picture,) = pictures
        below, right = (-side % 32 for side in picture.shape[:2])
        padded = np.pad(picture, ((0, below), (0, right), (0, 0)), mode="edge").astype(np.int64)
        counts = self._shares(self._leaves[padded[..., 0] // STEP], self._n_leaves)
        apart = np.arange(256)[:, None, None]  # so that no two are equally likely
        maps = {"logits": (counts + np.roll(counts, 1, axis=0) / 2) * 6 + apart[: self._n_leaves] / 2**15}
        if self._n_values:
            shares = self._shares(padded[..., 0] % STEP, self._n_values)
            maps["attribute_logits"] = shares * 3 + apart[: self._n_values] / 2**7
            middle = slice(self.stride // 2, None, self.stride)
            ways = np.moveaxis(padded[middle, middle, 1:], 2, 0)
            maps["offsets"] = (ways - 128) * 2
            maps["center"] = ((8 - np.abs(ways - 128).sum(axis=0)).clip(0) * (ways[0] > 0))[None] / 8
        return {name: np.ascontiguousarray(values[None], np.float32) for name, values in maps.items()}

    def _shares(self, numbers: np.ndarray, n: int) -> np.ndarray:
        """(n, h, w) share of each cell's pixels that have the number 1..n."""
        height, width = (side // self.stride for side in numbers.shape)
        cells = np.arange(height)[:, None] * width + np.arange(width)
        cells = cells.repeat(self.stride, axis=0).repeat(self.stride, axis=1)
        size = MOST_LEAVES + 1
        counts = np.bincount((cells * size + numbers).ravel(), minlength=height * width * size)
        return np.moveaxis(counts.reshape(height, width, size)[..., 1 : n + 1], 2, 0) / self.stride**2
