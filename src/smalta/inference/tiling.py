"""Run a network over a large picture in tiles, and stitch its maps before anything is made of them.

In:  rows of a picture, something that answers for a tile, tile sizes.
Out: stitched maps, in blocks that lie beside each other without gap or overlap.

Where tiles lie says `smalta.plan.tiles`. Tiles begin at multiples of 32, so that the network's grid lies as on the
whole picture.

Pure numpy. Must not know: networks, files, class trees, how a tile's size was chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from smalta.plan.tiles import OVERLAP, RAMP, check_tile, on_grid, tile_for, tile_starts
from smalta.runtimes.protocol import Maps, Runtime
from smalta.system.threads import map_in_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Stitched maps of a part of a picture, with one cell around it where the picture goes on.

    Attributes:
        y0, y1, x0, x1: the part, in cells; the end is not included.
        top, left, bottom, right: 1 where `maps` reach a cell further, else 0.
        maps: by name, (C, top + y1 - y0 + bottom, left + x1 - x0 + right) float32.
    """

    y0: int
    y1: int
    x0: int
    x1: int
    top: int
    left: int
    bottom: int
    right: int
    maps: Mapping[str, np.ndarray]

    def parts(self, most: int) -> Iterator[Block]:
        """The block again in parts of at most so many cells a side, from top to bottom, each row from left to right."""
        for y0 in range(self.y0, self.y1, most):
            y1 = min(y0 + most, self.y1)
            top, bottom = int(self.top or y0 > self.y0), int(self.bottom or y1 < self.y1)
            rows = slice(y0 - top - (self.y0 - self.top), y1 + bottom - (self.y0 - self.top))
            for x0 in range(self.x0, self.x1, most):
                x1 = min(x0 + most, self.x1)
                left, right = int(self.left or x0 > self.x0), int(self.right or x1 < self.x1)
                columns = slice(x0 - left - (self.x0 - self.left), x1 + right - (self.x0 - self.left))
                maps = {name: values[:, rows, columns] for name, values in self.maps.items()}
                yield Block(y0=y0, y1=y1, x0=x0, x1=x1, top=top, left=left, bottom=bottom, right=right, maps=maps)

    def inner(self, name: str) -> np.ndarray:
        """(C, y1 - y0, x1 - x0) a map of the part alone."""
        rows = slice(self.top, self.top + self.y1 - self.y0)
        return self.maps[name][:, rows, self.left : self.left + self.x1 - self.x0]


def stitched(
    runtime: Runtime,
    rows: Callable[[int, int], np.ndarray],
    size_hw: tuple[int, int],
    tile_hw: tuple[int, int],
    *,
    overlap: int = OVERLAP,
    ramp: int = RAMP,
) -> Iterator[Block]:
    """The maps of a picture, block by block, rows of blocks from top to bottom, each from left to right.

    As many tiles as the runtime has streams are worked on at a time. In memory are rows of the picture as high as a
    tile, a few tiles with their maps, and strips of maps as wide as the picture.

    Args:
        runtime: answers for tiles.
        rows: gives rows y0..y1 of the picture, (y1 - y0, W, 3) uint8; asked for from top to bottom, each once.
        size_hw: H and W of the picture.
        tile_hw: of the tiles, multiples of 32.
        overlap: pixels that neighbours share, a multiple of 32.
        ramp: pixels in the middle of them over which one fades into the other, a multiple of 8.

    Raises:
        ConfigError: if a tile is too small.
    """
    for length, tile in zip(size_hw, tile_hw, strict=True):
        if on_grid(length) > tile:
            check_tile(tile, overlap)
    axes = [
        _Axis(on_grid(length), tile, overlap, ramp, runtime.stride)
        for length, tile in zip(size_hw, tile_hw, strict=True)
    ]

    def answer(tile: np.ndarray) -> Maps:
        return {name: batch[0] for name, batch in runtime.maps(tile[None]).items()}

    answers = map_in_order(answer, _tiles(rows, size_hw, *axes), runtime.streams)
    yield from _Stitcher(*axes).blocks(answers)


class Tiled:
    """A runtime that cuts pictures which are larger than a tile; its maps are those of whole pictures.

    Args:
        runtime: answers for tiles.
        tile_hw: of the tiles in pixels, multiples of 32; see `smalta.plan.tiles.tile_for`.
    """

    def __init__(self, runtime: Runtime, tile_hw: tuple[int, int]) -> None:
        self._runtime, self._tile_hw = runtime, tile_hw
        self.stride, self.streams = runtime.stride, runtime.streams

    def maps(self, pictures: np.ndarray) -> Maps:
        """Maps of (B, H, W, 3) uint8 pictures."""
        size_hw = pictures.shape[1], pictures.shape[2]
        tile_hw = tile_for(size_hw, self._tile_hw)
        if tile_hw == (on_grid(size_hw[0]), on_grid(size_hw[1])):
            return self._runtime.maps(pictures)
        found = [self._whole(picture, tile_hw) for picture in pictures]
        return {name: np.stack([maps[name] for maps in found]) for name in found[0]}

    def _whole(self, picture: np.ndarray, tile_hw: tuple[int, int]) -> Maps:
        size_hw = picture.shape[0], picture.shape[1]
        cells = [on_grid(side) // self.stride for side in size_hw]
        whole: Maps = {}
        for block in stitched(self._runtime, lambda y0, y1: picture[y0:y1], size_hw, tile_hw):
            for name in block.maps:
                inner = block.inner(name)
                target = whole.setdefault(name, np.empty((len(inner), *cells), np.float32))
                target[:, block.y0 : block.y1, block.x0 : block.x1] = inner
        return whole


class _Axis:
    """Tiles along one axis: where they begin in pixels, and which cells of their maps are used.

    Attributes:
        starts: of the tiles, pixels.
        tile: their length, pixels.
        length: of the picture on the grid, pixels.
        cells: of the whole axis.
        ramp: cells over which neighbours fade.
        used: (start, stop) in cells of the axis for which each tile is used, with ramps.
        final: starts of the parts that are final after each tile, and the end.
    """

    def __init__(self, length: int, tile: int, overlap: int, ramp: int, stride: int) -> None:
        self.length, self.tile = length, min(tile, length)
        self.starts = tile_starts(length, tile, overlap)
        self.stride, self.cells, self.ramp = stride, length // stride, ramp // stride
        middles = [(start + self.tile + after) // 2 for start, after in pairwise(self.starts)]
        begins = [0, *((middle - ramp // 2) // stride for middle in middles)]
        self.used = [
            (begin, after + self.ramp if i + 1 < len(begins) else self.cells)
            for i, (begin, after) in enumerate(zip(begins, [*begins[1:], self.cells], strict=True))
        ]
        self.final = [*begins, self.cells]

    def slice_of(self, i: int) -> slice:
        """The used cells, counted from the start of tile i."""
        first = self.starts[i] // self.stride
        begin, end = self.used[i]
        return slice(begin - first, end - first)

    def is_last(self, i: int) -> bool:
        return i + 1 == len(self.starts)


def _tiles(
    rows: Callable[[int, int], np.ndarray], size_hw: tuple[int, int], ys: _Axis, xs: _Axis
) -> Iterator[np.ndarray]:
    """The tiles, row by row; beyond the picture its edge is repeated, as runtimes do."""
    height, width = size_hw
    band = np.empty((ys.tile, xs.length, 3), np.uint8)
    have = 0  # rows above this one are in the band or done with
    for start in ys.starts:
        stop = min(start + ys.tile, height)
        kept = max(have - start, 0)
        for y in range(kept):  # row by row, for they may overlap
            band[y] = band[ys.tile - kept + y]
        fresh = rows(have, stop)
        band[kept : stop - start, :width] = fresh
        band[kept : stop - start, width:] = fresh[:, -1:]
        band[stop - start :] = band[stop - start - 1]
        have = stop
        for left in xs.starts:
            yield band[:, left : left + xs.tile].copy()


class _Stitcher:
    """Adds up tiles: what lies in a ramp waits for the neighbour."""

    def __init__(self, ys: _Axis, xs: _Axis) -> None:
        self._ys, self._xs = ys, xs

    def blocks(self, answers: Iterator[Maps]) -> Iterator[Block]:
        ys, xs = self._ys, self._xs
        below: Maps = {}  # the ramp under the last row of tiles, as wide as the picture
        edge: Maps = {}  # the last two final rows, as wide as the picture
        for i in range(len(ys.starts)):
            beside: Maps = {}  # the ramp on the right of the last tile
            side: Maps = {}  # the last two final columns
            next_edge: Maps = {}
            for j in range(len(xs.starts)):
                maps = {}
                for name, tile in next(answers).items():
                    piece = tile[:, ys.slice_of(i), xs.slice_of(j)].astype(np.float32)
                    self._fade(piece, i, j)
                    final = self._add(piece, i, j, name, below, beside)
                    maps[name] = self._with_edges(final, i, j, name, edge, side)
                    self._keep(final, i, j, name, next_edge, side)
                yield Block(
                    y0=ys.final[i] - (i > 0),
                    y1=ys.final[i + 1] - (not ys.is_last(i)),
                    x0=xs.final[j] - (j > 0),
                    x1=xs.final[j + 1] - (not xs.is_last(j)),
                    top=int(i > 0),
                    left=int(j > 0),
                    bottom=int(not ys.is_last(i)),
                    right=int(not xs.is_last(j)),
                    maps=maps,
                )
            edge = next_edge

    def _fade(self, piece: np.ndarray, i: int, j: int) -> None:
        ramp = self._ys.ramp
        rising = ((np.arange(ramp, dtype=np.float32) + 0.5) / ramp) ** 2 * (3 - 2 * (np.arange(ramp) + 0.5) / ramp)
        rising = rising.astype(np.float32)
        if i > 0:
            piece[:, :ramp] *= rising[:, None]
        if not self._ys.is_last(i):
            piece[:, -ramp:] *= 1 - rising[:, None]
        if j > 0:
            piece[:, :, :ramp] *= rising
        if not self._xs.is_last(j):
            piece[:, :, -ramp:] *= 1 - rising

    def _add(self, piece: np.ndarray, i: int, j: int, name: str, below: Maps, beside: Maps) -> np.ndarray:
        """What is final after this tile; the rest of it is kept for its neighbours."""
        ys, xs = self._ys, self._xs
        if j > 0:
            piece[:, :, : xs.ramp] += beside[name]
        if not xs.is_last(j):
            beside[name] = piece[:, :, -xs.ramp :].copy()
            piece = piece[:, :, : -xs.ramp]
        columns = slice(xs.final[j], xs.final[j + 1])
        if i > 0:
            piece[:, : ys.ramp] += below[name][:, :, columns]
        if not ys.is_last(i):
            strip = below.setdefault(name, np.empty((len(piece), ys.ramp, xs.cells), np.float32))
            strip[:, :, columns] = piece[:, -ys.ramp :]
            piece = piece[:, : -ys.ramp]
        return piece

    def _with_edges(self, final: np.ndarray, i: int, j: int, name: str, edge: Maps, side: Maps) -> np.ndarray:
        """With two cells more on the left and above, where there are any."""
        if j > 0:
            final = np.concatenate([side[name], final], axis=2)
        if i > 0:
            columns = slice(self._xs.final[j] - 2 * (j > 0), self._xs.final[j + 1])
            final = np.concatenate([edge[name][:, :, columns], final], axis=1)
        return final

    def _keep(self, final: np.ndarray, i: int, j: int, name: str, next_edge: Maps, side: Maps) -> None:
        xs = self._xs
        if not xs.is_last(j):
            side[name] = final[:, :, -2:].copy()
        if not self._ys.is_last(i):
            strip = next_edge.setdefault(name, np.empty((len(final), 2, xs.cells), np.float32))
            strip[:, :, xs.final[j] : xs.final[j + 1]] = final[:, -2:]
