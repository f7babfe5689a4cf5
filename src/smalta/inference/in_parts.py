"""Answer for a picture whose answer does not fit in memory, part by part.

In:  a predictor, a picture that is read some rows at a time, the size of tiles.
Out: index pictures as tiled TIFF or Zarr, objects; the same as for the whole picture.

Maps are stitched from tiles (`smalta.inference.tiling`) and made into classes part by part. For objects, what they are
made of is kept in a folder beside the results until all of it is there (`smalta.inference.field_store`).

Must not know: how networks run, how a tile's size was chosen.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from smalta.answers.decoding import best_stuff, decode, no_deeper
from smalta.answers.fields import LOGITS, SEMANTIC
from smalta.answers.objects import Objects
from smalta.answers.upscaling import class_map, fields_of
from smalta.classes import ROOT, ClassTree
from smalta.description.kinds import OBJECT_KINDS, Kind
from smalta.errors import DataError
from smalta.inference.answer_plan import size_of
from smalta.inference.field_store import FieldStore
from smalta.inference.predictor import Predictor
from smalta.inference.row_file import RowFile
from smalta.inference.tiling import Block, stitched
from smalta.pictures.large_pictures import SUFFIXES, ArrayRows, Rows, open_large
from smalta.pictures.large_writing import write_large_index
from smalta.pictures.overlay import overlay, with_legend
from smalta.pictures.reading import read_picture
from smalta.pictures.writing import write_picture
from smalta.plan.plan import Plan
from smalta.plan.tiles import on_grid, tile_for
from smalta.plan.words import size
from smalta.results import object_table
from smalta.results.writers import OutputOptions, Written

PART = 512  # pixels a side of what is brought to full size at a time
DECODED_BYTES = 6  # a pixel: in the decoder, and as an array
LARGEST_OVERLAY = 2048  # pixels a side; overlays of larger pictures are reduced


def predict_large(
    predictor: Predictor,
    source: Rows,
    picture: Path,
    folder: Path,
    kind: Kind,
    options: OutputOptions,
    tile_hw: tuple[int, int] | None = None,
) -> Written:
    """Answer for one picture and write the files, each whole or not at all.

    `classes/STEM.tif`, and `instances/STEM.tif` for kinds with objects; `.zarr` for a picture that is one. Overlays are
    reduced to 2048 pixels a side.

    Args:
        predictor: the model.
        source: the picture's rows.
        picture: its path, whose stem names the files.
        folder: that `smalta.results.writers.make_folders` made.
        kind: of the answer.
        options: what to write.
        tile_hw: of the tiles, pixels; None for those of the predictor's plan.

    Raises:
        DataError: if the picture cannot be read or a file cannot be written, or outlines or probabilities are wanted.
        ConfigError: if a tile cannot be cut so small.
    """
    unwanted = [name for name in ("geojson", "probabilities") if getattr(options, name)]
    if unwanted:
        height, width = source.size_hw
        raise DataError(
            f"{picture} has {height} x {width} pixels and is answered in parts, without {' and '.join(unwanted)}; "
            "cut it into pictures, or allow more with --memory"
        )
    name = f"{picture.stem}{'.zarr' if picture.suffix.lower() == '.zarr' else '.tif'}"
    job = _Job(predictor, _Reduced(source), options, tile_hw or tiles_of(predictor, source))
    classes = folder / "classes" / name
    if kind not in OBJECT_KINDS:
        write_large_index(classes, job.values(job.class_bands()), source.size_hw, job.dtype)
        rows = ""
    else:
        with tempfile.TemporaryDirectory(prefix=f".{picture.stem}.", dir=folder) as scratch:
            made = _WithObjects(job, Path(scratch))
            number = np.uint16 if len(made.objects) < 2**16 else np.uint32
            write_large_index(folder / "instances" / name, made.store.instances(), source.size_hw, number)
            write_large_index(classes, job.values(made.class_bands()), source.size_hw, job.dtype)
        rows = object_table.rows(picture.name, made.objects)
    if options.overlays:
        write_picture(folder / "overlays" / f"{picture.stem}.png", job.overlay(kind))
    return Written(classes=classes, rows=rows)


def large_objects(predictor: Predictor, source: Rows) -> Objects:
    """The objects of a picture that is answered part by part as the predictor's plan says, without an instance map.

    Raises:
        DataError: if the picture cannot be read.
    """
    job = _Job(predictor, _Reduced(source), OutputOptions(), tiles_of(predictor, source))
    with tempfile.TemporaryDirectory(prefix="smalta.") as scratch:
        return _WithObjects(job, Path(scratch)).objects


def tiles_of(predictor: Predictor, source: Rows) -> tuple[int, int]:
    """Height and width of the tiles that the predictor's plan says for a picture; without one, all of it."""
    planned = None if predictor.plan is None else predictor.plan.tile_hw
    return tile_for(source.size_hw, planned or (on_grid(source.size_hw[0]), on_grid(source.size_hw[1])))


def must_be_cut(picture: Path, made: Plan) -> bool:
    """Whether a picture is to be answered part by part: it is too large for the plan's memory, or a Zarr array.

    Raises:
        DataError: if the picture cannot be read.
    """
    return picture.suffix.lower() == ".zarr" or math.prod(size_of(picture)) > made.whole_pixels


@contextmanager
def rows_of(picture: Path, made: Plan) -> Iterator[Rows]:
    """The rows of a picture; only TIFF and Zarr files need not be decoded as a whole for that.

    Raises:
        DataError: if the picture cannot be read, or would have to be decoded as a whole and does not fit in memory.
    """
    if picture.suffix.lower() in SUFFIXES:
        with open_large(picture) as source:
            yield source
        return
    height, width = size_of(picture)
    needed = height * width * DECODED_BYTES
    if needed > made.allowed_bytes - made.memory_bytes:
        raise DataError(
            f"{picture} has {height} x {width} pixels, which can only be decoded at once and fill {size(needed)}; "
            "save it as a tiled TIFF, or allow more with --memory"
        )
    yield ArrayRows(read_picture(picture))


class _Reduced:
    """Rows that pass through, of which every so many pixels are kept for an overlay."""

    def __init__(self, source: Rows) -> None:
        self._source = source
        self.size_hw = source.size_hw
        self.step = math.ceil(max(source.size_hw) / LARGEST_OVERLAY)
        self._kept: list[np.ndarray] = []

    def rows(self, y0: int, y1: int) -> np.ndarray:
        rows = self._source.rows(y0, y1)
        self._kept.append(self.reduce(rows, y0))
        return rows

    def reduce(self, rows: np.ndarray, y0: int) -> np.ndarray:
        return rows[-y0 % self.step :: self.step, :: self.step].copy()

    @property
    def picture(self) -> np.ndarray:
        return np.concatenate(self._kept)


class _Job:
    """One picture: its stitched maps, brought to full size part by part."""

    def __init__(
        self, predictor: Predictor, source: _Reduced, options: OutputOptions, tile_hw: tuple[int, int]
    ) -> None:
        self.predictor, self.tree = predictor, predictor.tree
        self.decoding = predictor.with_threshold(options.decoding)
        self.size_hw, self.stride = source.size_hw, predictor.runtime.stride
        self.dtype: Any = _dtype(self.tree)
        self._source, self._tile_hw = source, tile_hw
        self._reduced: list[np.ndarray] = []

    def blocks(self) -> Iterator[Block]:
        """Stitched maps, row of blocks by row of blocks."""
        return stitched(self.predictor.runtime, self._source.rows, self.size_hw, self._tile_hw)

    def parts(self, block: Block) -> Iterator[tuple[Block, tuple[slice, slice]]]:
        """Parts of a block, and the pixels of the picture that they are of."""
        height, width = self.size_hw
        for part in block.parts(PART // self.stride):
            rows = slice(part.y0 * self.stride, min(part.y1 * self.stride, height))
            columns = slice(part.x0 * self.stride, min(part.x1 * self.stride, width))
            if rows.start < rows.stop and columns.start < columns.stop:  # else all of it lies beyond the picture
                yield part, (rows, columns)

    def fields(self, part: Block, place: tuple[slice, slice]) -> dict[str, np.ndarray]:
        """Fields of a part."""
        fields = fields_of(part.maps, self.tree.attributes, self._around(part), self.stride)
        return {name: field[(slice(None), *self._inside(part, place, field))] for name, field in fields.items()}

    def _around(self, part: Block) -> tuple[int, int]:
        """Pixels of a part with the cells around it."""
        rows, columns = part.maps[LOGITS].shape[1:]
        return rows * self.stride, columns * self.stride

    def _inside(self, part: Block, place: tuple[slice, slice], field: np.ndarray) -> tuple[slice, slice]:
        """Where the part lies in a field of it and the cells around it."""
        stride = self.stride if field.shape[-2:] == self._around(part) else 1  # else the field is at the stride
        sides = [-(-(axis.stop - axis.start) * stride // self.stride) for axis in place]
        begins = part.top * stride, part.left * stride
        return slice(begins[0], begins[0] + sides[0]), slice(begins[1], begins[1] + sides[1])

    def class_bands(self) -> Iterator[np.ndarray]:
        """(some rows, W) uint16 node ids, from top to bottom, without objects."""
        height, width = self.size_hw
        band = np.empty((0, width), np.uint16)
        for block in self.blocks():
            top = block.y0 * self.stride
            if block.left == 0:
                band = np.empty((min(block.y1 * self.stride, height) - top, width), np.uint16)
            for part, (rows, columns) in self.parts(block):
                band[rows.start - top : rows.stop - top, columns] = self._classes(part, (rows, columns))
            if block.right == 0:
                yield band

    def _classes(self, part: Block, place: tuple[slice, slice]) -> np.ndarray:
        found = class_map(self.tree, part.maps[LOGITS], self._around(part), self.stride, self.decoding)
        return found[self._inside(part, place, found)]

    def values(self, bands: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """The bands in the user's own values; what an overlay needs is kept."""
        y = 0
        for band in bands:
            self._reduced.append(self._source.reduce(band, y))
            y += len(band)
            yield self.tree.node_to_value[band].astype(self.dtype)

    def overlay(self, kind: Kind) -> np.ndarray:
        """The reduced picture in colour, after all bands have passed; of the kind "instance" the things alone."""
        classes = np.concatenate(self._reduced)
        if kind == "instance":
            classes = np.where(self.tree.is_thing[classes], classes, ROOT)
        shown = np.flatnonzero(np.bincount(classes.ravel())).tolist()
        return with_legend(overlay(self._source.picture, classes, self.tree), self.tree, shown)


class _WithObjects:
    """Objects of one picture, and classes that agree with them."""

    def __init__(self, job: _Job, scratch: Path) -> None:
        self._job, tree = job, job.tree
        self.store = FieldStore(scratch, tree, job.predictor.info.grouping, job.size_hw, job.stride)
        self._classes = RowFile(scratch / "classes", job.size_hw, np.uint16)
        for part, place in (pair for block in job.blocks() for pair in job.parts(block)):
            fields = job.fields(part, place)
            y, x = place[0].start, place[1].start
            self.store.add(fields, y, x)
            classes = decode(tree, fields[SEMANTIC], job.decoding)
            loose = tree.is_thing[classes]  # what turns out to be in an object gets its class
            classes[loose] = best_stuff(tree, fields[SEMANTIC][:, loose])
            self._classes.write(y, x, classes)
        self.objects = self.store.objects(job.decoding)

    def class_bands(self) -> Iterator[np.ndarray]:
        """(some rows, W) uint16 node ids, from top to bottom."""
        tree, level = self._job.tree, self._job.decoding.level
        y = 0
        of_object = np.concatenate([np.zeros(1, np.uint16), self.objects.classes])
        for band in self.store.instances():
            classes = self._classes.read(y, y + len(band))
            yield no_deeper(tree, np.where(band > 0, of_object[band], classes), level)
            y += len(band)


def _dtype(tree: ClassTree) -> type[np.unsignedinteger[Any]]:
    largest = int(tree.node_to_value.max())
    return np.uint8 if largest < 2**8 else np.uint16 if largest < 2**16 else np.uint32
