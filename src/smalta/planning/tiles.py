"""Place the tiles of a picture.

In:  the length of an axis, the length of tiles.
Out: where they begin.

The answer of a tile is used only `HALO` pixels or more from its edges, where it has enough context. The halo was chosen
by a measurement: the default network trained on CamVid, pictures of 2048 x 2048, tiles of 1024, compared with the whole
picture.

    distance from the tile's edge      128 px   192 px   224 px   256 px   320 px
    largest difference, probability      0.70     0.48     0.39    0.019    0.006
    pixels with another class           1.2 %    1.8 %    0.5 %   0.03 %      0 %

The difference drops where the network's context (a mean over 352 x 352 px) fits in the tile. Networks with a mean over
the whole picture in their encoder (squeeze and excitation) answer differently in tiles at any halo. Neighbours overlap
by `RAMP` pixels more, over which one fades into the other.

Must not know: networks, maps, how a tile's size is chosen.
"""

from __future__ import annotations

import math

from smalta.errors import ConfigError

GRID = 32  # pixels; the network's coarsest reduction
HALO = 256  # pixels at the edges of a tile that are not used
RAMP = 32  # pixels over which a tile fades into the next
OVERLAP = 2 * HALO + RAMP
LEAST_TILE = OVERLAP + 2 * GRID


def on_grid(length: int) -> int:
    """The length of an axis, padded to the network's grid, pixels."""
    return -(-length // GRID) * GRID


def tile_starts(length: int, tile: int, overlap: int = OVERLAP) -> list[int]:
    """The starts of the tiles that cover one axis of a picture.

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
    """Check the side of a tile.

    Raises:
        ConfigError: if it is not a multiple of 32, or too small.
    """
    least = overlap + 2 * GRID
    if tile % GRID or tile < least:
        raise ConfigError(f"a tile must be a multiple of {GRID} pixels and at least {least}, got {tile}")


def tile_for(size_hw: tuple[int, int], tile_hw: tuple[int, int]) -> tuple[int, int]:
    """The tiles of one picture, where the plan chose tiles for a picture of another shape.

    Args:
        size_hw: of the picture, pixels.
        tile_hw: of the plan, multiples of 32.

    Returns:
        Height and width of the tiles. They have at most as many pixels as `tile_hw`, except where the smallest possible
        tile has more.
    """
    height, width = map(on_grid, size_hw)
    if all(length <= tile or tile >= LEAST_TILE for length, tile in zip((height, width), tile_hw, strict=True)):
        return min(tile_hw[0], height), min(tile_hw[1], width)
    side = max(math.isqrt(tile_hw[0] * tile_hw[1]) // GRID * GRID, LEAST_TILE)
    return min(side, height), min(side, width)
