"""Where the tiles of a picture lie, and so how many there are.

In:  the length of an axis, the length of tiles.
Out: where they begin.

A tile answers only where the picture around it reaches far enough: `HALO` pixels from its edges. It was measured: the
default network trained on CamVid, pictures of 2048 x 2048, tiles of 1024; largest difference of a probability from that
of the whole picture, and share of pixels with another class, by the distance from a tile's edge:

    128 px: 0.70, 1.2 %    192 px: 0.48, 1.8 %    224 px: 0.39, 0.5 %    256 px: 0.019, 0.03 %    320 px: 0.006, none

The cliff is where the network's context (a mean over 352 x 352 px) leaves the tile. Networks with a mean over the whole
picture in their encoder (squeeze and excitation) see tiles with other eyes at any halo. Neighbours share `RAMP` pixels
more, over which one fades into the other.

Must not know: networks, maps, how a tile's size is chosen.
"""

from __future__ import annotations

import math

from smalta.errors import ConfigError

GRID = 32  # pixels; the network's coarsest reduction
HALO = 256  # pixels at the edge of a tile whose answer is not used
RAMP = 32  # pixels over which a tile fades into the next
OVERLAP = 2 * HALO + RAMP
LEAST_TILE = OVERLAP + 2 * GRID


def on_grid(length: int) -> int:
    """The length of an axis, padded to the network's grid, pixels."""
    return -(-length // GRID) * GRID


def tile_starts(length: int, tile: int, overlap: int = OVERLAP) -> list[int]:
    """Where tiles begin that cover one axis of a picture.

    Neighbours share at least `overlap` pixels, and the last tile ends exactly at `length`. An axis no longer than the
    tile gets one tile, which is as long as the axis.

    Args:
        length: pixels, a multiple of 32.
        tile: pixels, a multiple of 32, more than `overlap` by at least 64.
        overlap: pixels, a multiple of 32.

    Returns:
        Rising multiples of 32; the first is 0.

    Example:
        >>> tile_starts(320, tile=160, overlap=64)
        [0, 96, 160]
    """
    if length <= tile:
        return [0]
    cells = (length - tile) // GRID
    steps = math.ceil(cells / ((tile - overlap) // GRID))
    return [round(i * cells / steps) * GRID for i in range(steps + 1)]


def check_tile(tile: int, overlap: int = OVERLAP) -> None:
    """Refuse a tile that cannot be cut.

    Raises:
        ConfigError: if it is no multiple of 32, or too small.
    """
    least = overlap + 2 * GRID
    if tile % GRID or tile < least:
        raise ConfigError(f"a tile must be a multiple of {GRID} pixels and at least {least}, got {tile}")


def tile_for(size_hw: tuple[int, int], tile_hw: tuple[int, int]) -> tuple[int, int]:
    """Tiles for one picture of a job whose tiles were chosen for a picture of another shape.

    Args:
        size_hw: of the picture, pixels.
        tile_hw: what was chosen, multiples of 32.

    Returns:
        Height and width of tiles that have no more pixels than `tile_hw`, unless less cannot be cut.
    """
    height, width = map(on_grid, size_hw)
    if all(length <= tile or tile >= LEAST_TILE for length, tile in zip((height, width), tile_hw, strict=True)):
        return min(tile_hw[0], height), min(tile_hw[1], width)
    side = max(math.isqrt(tile_hw[0] * tile_hw[1]) // GRID * GRID, LEAST_TILE)
    return min(side, height), min(side, width)
