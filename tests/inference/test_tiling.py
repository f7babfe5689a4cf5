"""What is stitched from tiles is what the whole picture gives."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.inference.tiling import Block, Tiled, stitched

OVERLAP, RAMP = 64, 32


class Blur:
    """Stands in for a network that looks 16 pixels far: maps at a stride, from sums around every cell."""

    def __init__(self, stride: int = 4, streams: int = 1) -> None:
        self.stride, self.streams = stride, streams
        self.shapes: set[tuple[int, ...]] = set()

    def maps(self, pictures: np.ndarray, /) -> dict[str, np.ndarray]:
        self.shapes.add(pictures.shape)
        height, width = (-(-side // 32) * 32 for side in pictures.shape[1:3])
        found = []
        for picture in pictures:
            padded = np.pad(picture, ((0, height - len(picture)), (0, width - picture.shape[1]), (0, 0)), mode="edge")
            wide = np.pad(padded.astype(np.float32), ((15, 15), (15, 15), (0, 0)))  # zeros around, as networks pad
            sums = cv2.boxFilter(wide, -1, (31, 31), normalize=False, anchor=(0, 0))[:height, :width]
            found.append(np.moveaxis(sums[:: self.stride, :: self.stride], -1, 0))
        maps = np.ascontiguousarray(np.stack(found))
        return {"logits": maps, "offsets": maps[:, :2] - 7}


def random_picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def blocks(picture: np.ndarray, tile_hw: tuple[int, int], runtime: Blur) -> list[Block]:
    asked: list[int] = [0]

    def rows(y0: int, y1: int) -> np.ndarray:
        assert y0 == asked[-1]  # each row once
        asked.append(y1)
        return picture[y0:y1]

    found = stitched(runtime, rows, picture.shape[:2], tile_hw, overlap=OVERLAP, ramp=RAMP)  # type: ignore[arg-type]
    return list(found)


@given(
    size=st.tuples(st.integers(1, 700), st.integers(1, 700)),
    tile=st.tuples(st.integers(4, 12), st.integers(4, 12)),
    stride=st.sampled_from([1, 2, 4]),
    seed=st.integers(0, 99),
)
def test_stitched_maps_are_those_of_the_whole_picture_whatever_the_tile(
    size: tuple[int, int], tile: tuple[int, int], stride: int, seed: int
) -> None:
    picture, runtime = random_picture(*size, seed), Blur(stride)
    whole = runtime.maps(picture[None])
    seen = np.zeros(whole["logits"].shape[2:], int)

    for block in blocks(picture, (tile[0] * 32, tile[1] * 32), Blur(stride)):
        seen[block.y0 : block.y1, block.x0 : block.x1] += 1
        ys = slice(block.y0 - block.top, block.y1 + block.bottom)
        xs = slice(block.x0 - block.left, block.x1 + block.right)
        for name, maps in block.maps.items():
            np.testing.assert_allclose(maps, whole[name][0, :, ys, xs], rtol=1e-5, atol=1e-2)  # of sums up to 245,055
            np.testing.assert_array_equal(block.inner(name).shape[1:], (block.y1 - block.y0, block.x1 - block.x0))

    assert (seen == 1).all()


@given(size=st.tuples(st.integers(1, 300), st.integers(1, 300)), most=st.integers(3, 30))
def test_parts_of_blocks_lie_beside_each_other_with_a_cell_around(size: tuple[int, int], most: int) -> None:
    picture, runtime = random_picture(*size), Blur()
    whole = runtime.maps(picture[None])["logits"][0]
    seen = np.zeros(whole.shape[1:], int)

    for block in blocks(picture, (160, 160), Blur()):
        for part in block.parts(most):
            assert part.y1 - part.y0 <= most
            assert part.x1 - part.x0 <= most
            seen[part.y0 : part.y1, part.x0 : part.x1] += 1
            assert (part.top, part.left) == (part.y0 > 0, part.x0 > 0)
            assert (part.bottom, part.right) == (part.y1 < len(seen), part.x1 < seen.shape[1])
            ys, xs = slice(part.y0 - part.top, part.y1 + part.bottom), slice(part.x0 - part.left, part.x1 + part.right)
            np.testing.assert_allclose(part.maps["logits"], whole[:, ys, xs], rtol=1e-5, atol=1e-2)

    assert (seen == 1).all()


def test_every_tile_has_the_same_size_and_reaches_no_further_than_asked() -> None:
    runtime = Blur()

    blocks(random_picture(333, 500), (160, 192), runtime)

    assert runtime.shapes == {(1, 160, 192, 3)}


@pytest.mark.parametrize("streams", [1, 3])
def test_a_runtime_that_cuts_answers_as_one_that_does_not(streams: int) -> None:
    pictures = np.stack([random_picture(900, 700, seed) for seed in (1, 2)])
    runtime = Blur(streams=streams)

    found, expected = Tiled(runtime, (640, 640)).maps(pictures), Blur().maps(pictures)

    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-2)
    assert runtime.shapes == {(1, 640, 640, 3)}


def test_a_picture_that_fits_is_not_cut() -> None:
    runtime = Blur()

    Tiled(runtime, (640, 640)).maps(random_picture(610, 640)[None])

    assert runtime.shapes == {(1, 610, 640, 3)}


def test_a_narrow_picture_is_cut_along_its_length_alone() -> None:
    picture = random_picture(900, 3)[None]

    found = Tiled(Blur(), (640, 32)).maps(picture)

    for name, expected in Blur().maps(picture).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-2)
