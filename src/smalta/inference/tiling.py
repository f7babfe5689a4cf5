"""Run a network over a large picture in tiles, and stitch their maps into those of the whole picture.

In:  rows of a picture, a runtime, the size of tiles.
Out: stitched maps, in adjacent blocks without gaps or overlap.

`smalta.planning.tiles` places the tiles. They begin at multiples of 32, so the network's grid is the same as on the
whole picture.

Pure numpy. Must not know: networks, files, class trees, how the size of tiles is chosen.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from smalta.planning.tiles import OVERLAP, RAMP, check_tile, on_grid, tile_for, tile_starts
from smalta.runtimes.protocol import Maps, Runtime
from smalta.system.threads import map_in_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Stitched maps of a part of a picture, with one cell around it where the picture continues.

    Attributes:
        y0, y1, x0, x1: the part, in cells; the end is not included.
        top, left, bottom, right: 1 where `maps` reach one cell further, otherwise 0.
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
        """Cut the block into parts of at most `most` cells a side, row by row, each row from left to right."""
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
        """(C, y1 - y0, x1 - x0) a map without the cells around the part."""
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
    """The maps of a picture, block by block, row by row, each row from left to right.

    The runtime processes as many tiles at a time as it has streams. Memory holds rows of the picture as high as a
    tile, a few tiles with their maps, and strips of maps as wide as the picture.

    Args:
        runtime: computes the maps of tiles.
        rows: returns rows y0..y1 of the picture, (y1 - y0, W, 3) uint8; called from top to bottom, once per row.
        size_hw: H and W of the picture.
        tile_hw: of the tiles, multiples of 32.
        overlap: pixels that neighbours share, a multiple of 32.
        ramp: pixels in the middle of the overlap over which one tile fades into the other, a multiple of 8.

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
    yield from _blocks(answers, *axes)


class Tiled:
    """A runtime that cuts pictures larger than a tile; its maps are those of whole pictures.

    Args:
        runtime: computes the maps of tiles.
        tile_hw: of the tiles in pixels, multiples of 32; see `smalta.planning.tiles.tile_for`.
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
    """Tiles along one axis: their starts, and the cells of their maps that are used.

    Attributes:
        starts: of the tiles, pixels.
        tile: their length, pixels.
        length: of the picture on the grid, pixels.
        cells: of the whole axis.
        ramp: cells over which neighbours fade.
        used: (start, stop) in cells of the axis for which each tile is used, with ramps.
        final: starts of the parts that become final with each tile, and the end.
    """

    def __init__(self, length: int, tile: int, overlap: int, ramp: int, stride: int) -> None:
        self.length, self.tile = length, min(tile, length)
        self.starts = tile_starts(length, tile, overlap)
        self.stride, self.cells, self.ramp = stride, length // stride, ramp // stride
        middles = [(start + self.tile + after) // 2 for start, after in itertools.pairwise(self.starts)]
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
    """The tiles, row by row; the edge of the picture is repeated beyond it, as runtimes do."""
    height, width = size_hw
    band = np.empty((ys.tile, xs.length, 3), np.uint8)
    have = 0  # rows above this one are in the band or no longer needed
    for start in ys.starts:
        stop = min(start + ys.tile, height)
        kept = max(have - start, 0)
        for y in range(kept):  # row by row, because source and target may overlap
            band[y] = band[ys.tile - kept + y]
        fresh = rows(have, stop)
        band[kept : stop - start, :width] = fresh
        band[kept : stop - start, width:] = fresh[:, -1:]
        band[stop - start :] = band[stop - start - 1]
        have = stop
        for left in xs.starts:
            yield band[:, left : left + xs.tile].copy()


def _blocks(answers: Iterator[Maps], ys: _Axis, xs: _Axis) -> Iterator[Block]:
    """Blocks from the maps of tiles, which arrive row by row.

    A block begins and ends one cell before the cells that its tile makes final, except at the picture's edge: its last
    row and column wait, because the cell around them is not final yet.
    """
    stitchers: dict[str, _MapStitcher] = {}
    for i, j in itertools.product(range(len(ys.starts)), range(len(xs.starts))):
        maps = {}
        for name, tile in next(answers).items():
            stitcher = stitchers.setdefault(name, _MapStitcher(ys, xs))
            maps[name] = stitcher.add(tile[:, ys.slice_of(i), xs.slice_of(j)].astype(np.float32), i, j)
        top, left, bottom, right = int(i > 0), int(j > 0), int(not ys.is_last(i)), int(not xs.is_last(j))
        yield Block(
            y0=ys.final[i] - top,
            y1=ys.final[i + 1] - bottom,
            x0=xs.final[j] - left,
            x1=xs.final[j + 1] - right,
            top=top,
            left=left,
            bottom=bottom,
            right=right,
            maps=maps,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seam:
    """The part of a map that a tile passes to its neighbour on the right or below.

    Attributes:
        ramp: the cells over which the two fade, with only this tile's share, so not yet final.
        edge: the last two final cells before the ramp.
    """

    ramp: np.ndarray
    edge: np.ndarray


class _MapStitcher:
    """Adds up the tiles of one map, row by row.

    The used cells of a tile (i, j) that has neighbours on all sides; `~` is a ramp:

        +~~~~~~~~~~~~~~~~~~~~~~+
        |~ above[j].ramp + own |      above[j]  passed on by tile (i - 1, j); as wide as the final cells
        |~- - - - - - - - - -~~|                of column j
        |~                   ~~|      left      passed on by tile (i, j - 1)
        |~       final       ~~|
        |~                   ~~|      ~~ on the right: the ramp of the next `left`
        |~~~~~~~~~~~~~~~~~~~~~~|      ~~ below: the ramp of the next `above[j]`
        +~~~~~~~~~~~~~~~~~~~~~~+
         ^ left.ramp + own

    1. A tile's share rises from 0 to 1 over its first ramp of cells and falls from 1 to 0 over its last; the shares of
       two neighbours add up to 1. At the picture's edge there is no ramp.
    2. A cell is final once the shares of all tiles that reach it are added. The final cells of tile (i, j) are rows
       `ys.final[i]` to `ys.final[i + 1]` and columns `xs.final[j]` to `xs.final[j + 1]`.
    3. `left` lives from tile (i, j) to tile (i, j + 1), and is None at the start of a row.
    4. `above[j]` lives from tile (i, j) to tile (i + 1, j), and is None in the first row.
    5. A corner, where four tiles meet, uses both: the ramp on the right passes it to (i, j + 1), which adds its share
       and keeps the sum in `above[j + 1]` for the next row.
    6. The result of `add` begins two cells before the final ones, above and on the left. So the edge of `left` begins
       two cells above its tile's final rows as well.
    """

    def __init__(self, ys: _Axis, xs: _Axis) -> None:
        self._ys, self._xs = ys, xs
        self._rising = _rising(ys.ramp)
        self._left: _Seam | None = None
        self._above: list[_Seam | None] = [None] * len(xs.starts)

    def add(self, piece: np.ndarray, i: int, j: int) -> np.ndarray:
        """Add a tile.

        Args:
            piece: (C, h, w) float32 its used cells; overwritten.
            i, j: its row and column among the tiles.

        Returns:
            (C, h', w') the cells that are now final, and two more above and on the left, if any.
        """
        left, above, ramp = self._left, self._above[j], self._ys.ramp
        last_row, last_column = self._ys.is_last(i), self._xs.is_last(j)
        self._fade(piece, i, j)
        if left is not None:
            piece[:, :, :ramp] += left.ramp
        piece, right_ramp = _split(piece, 0 if last_column else ramp, axis=2)
        if above is not None:
            piece[:, :ramp] += above.ramp
        final, lower_ramp = _split(piece, 0 if last_row else ramp, axis=1)
        self._above[j] = None if last_row else _Seam(ramp=lower_ramp.copy(), edge=final[:, -2:].copy())
        if above is not None:
            final = np.concatenate([above.edge, final], axis=1)
        self._left = None if last_column else _Seam(ramp=right_ramp.copy(), edge=final[:, :, -2:].copy())
        if left is not None:
            final = np.concatenate([left.edge, final], axis=2)
        return final

    def _fade(self, piece: np.ndarray, i: int, j: int) -> None:
        """Multiply a tile's cells by its share of them."""
        rising, ramp = self._rising, len(self._rising)
        if i > 0:
            piece[:, :ramp] *= rising[:, None]
        if not self._ys.is_last(i):
            piece[:, -ramp:] *= 1 - rising[:, None]
        if j > 0:
            piece[:, :, :ramp] *= rising
        if not self._xs.is_last(j):
            piece[:, :, -ramp:] *= 1 - rising


def _rising(ramp: int) -> np.ndarray:
    """(ramp,) float32 shares of a tile in its first cells, from 0 to 1 in a smooth curve."""
    share = (np.arange(ramp, dtype=np.float32) + 0.5) / ramp
    return (share**2 * (3 - 2 * (np.arange(ramp) + 0.5) / ramp)).astype(np.float32)


def _split(piece: np.ndarray, last: int, *, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Views of a piece without its `last` cells along an axis, and of those cells."""
    before, after = np.split(piece, [piece.shape[axis] - last], axis=axis)
    return before, after
