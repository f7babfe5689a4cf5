"""Process a picture whose answer does not fit in memory, part by part.

In:  a predictor, a picture that is read a few rows at a time, the size of tiles.
Out: an answer for `smalta.results`, or only objects; the same as for the whole picture.

    the picture, in blocks                      a block, in parts         a part at full size

    +-------------+-------------+------+        +-----+-----+--+        +- - - - - - - - - - -+
    |             |             |      |        |     |     |  |        :   margin            :
    |    block    |    block    |      |        | part| part|  |        :   +-------------+   :
    |             |             |      |        |     |     |  |        :   |             |   :
    +-------------+-------------+------+        +-----+-----+--+        :   |    place    |   :
    |             |             |      |        |     |     |  |        :   |             |   :
    |             |             |      |        |     |     |  |        :   +-------------+   :
    +-------------+-------------+------+        +-----+-----+--+        +- - - - - - - - - - -+

1. `smalta.inference.tiling` runs the network over overlapping tiles and stitches their maps into blocks without
   overlap. Blocks lie on the network's grid: a cell is stride x stride pixels, and the grid may end beyond the picture.
2. A block is cut into parts of at most `PART` pixels a side. One cell of its neighbours lies around a part wherever the
   grid continues: its margin. Bilinear resizing looks one cell away, so the part inside it is exact.
3. A part is brought to full size. Then the margin and what lies beyond the picture are cut off. What remains is the
   part's place in the picture, its `rows` and `columns`.
4. Without objects, the classes of a row of blocks are a band of the class map, and the next row replaces it. Objects
   may reach from part to part, so the data for them are kept on disk (`smalta.inference.field_store`).

Must not know: how networks run, how the size of tiles is chosen, the content of output files.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from smalta.answers.decoding import USUAL, Decoding, best_stuff, decode, no_deeper
from smalta.answers.evidence import Evidence
from smalta.answers.fields import LOGITS, SEMANTIC
from smalta.answers.objects import Objects
from smalta.answers.presence import Presence
from smalta.answers.regions import Regions
from smalta.answers.upscaling import class_map, fields_of
from smalta.description.kinds import OBJECT_KINDS, Kind
from smalta.inference.field_store import FieldStore
from smalta.inference.predictor import Predictor
from smalta.inference.row_file import RowFile
from smalta.inference.tiling import Block, stitched
from smalta.inference.watchdog import Reached, silent
from smalta.pictures.large_pictures import Rows
from smalta.planning.tiles import on_grid, tile_for
from smalta.results.output import Reduced, Written
from smalta.results.result_folder import ResultFolder

PART = 512  # pixels a side of a part, which is brought to full size
LARGEST_OVERLAY = 2048  # pixels a side; overlays of larger pictures are reduced


def predict_large(
    predictor: Predictor,
    source: Rows,
    picture: Path,
    folder: ResultFolder,
    tile_hw: tuple[int, int] | None = None,
    reached: Reached = silent,
) -> Written:
    """Segment one picture and write its files, each complete or not at all.

    Args:
        predictor: the model.
        source: the picture's rows.
        picture: its path, whose stem names the files.
        folder: for the files.
        tile_hw: of the tiles, pixels; None for those of the predictor's plan.
        reached: called whenever a stage begins or continues.

    Raises:
        DataError: if the picture cannot be read, a file cannot be written, or a requested output cannot be made in
            parts.
        ConfigError: if a tile is too small.
    """
    decoding = predictor.with_threshold(folder.options.decoding)
    maps = _Maps(predictor, source, tile_hw or tiles_of(predictor, source), decoding, reached)
    has_objects = folder.kind in OBJECT_KINDS
    beside = tempfile.TemporaryDirectory(prefix=f".{picture.stem}.", dir=folder.path) if has_objects else nullcontext()
    with beside as scratch:
        return folder.write_in_parts(_Answer(maps, picture, folder, Path(scratch or folder.path)))


def large_objects(predictor: Predictor, source: Rows, reached: Reached = silent) -> Objects:
    """Find the objects of a picture part by part, as planned, without an instance map.

    Raises:
        DataError: if the picture cannot be read.
    """
    maps = _Maps(predictor, source, tiles_of(predictor, source), predictor.with_threshold(USUAL), reached)
    with tempfile.TemporaryDirectory(prefix="smalta.") as scratch:
        return _Objects(maps, Path(scratch)).objects


def tiles_of(predictor: Predictor, source: Rows) -> tuple[int, int]:
    """Height and width of the planned tiles for a picture; without a plan, those of the whole picture."""
    planned = None if predictor.plan is None else predictor.plan.tile_hw
    return tile_for(source.size_hw, planned or (on_grid(source.size_hw[0]), on_grid(source.size_hw[1])))


# -- parts --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """A piece of a block, small enough for full size.

    Attributes:
        block: its maps, with the margin.
        stride: of the maps.
        rows, columns: its place in the picture, pixels.
    """

    block: Block
    stride: int
    rows: slice
    columns: slice

    @property
    def with_margin_hw(self) -> tuple[int, int]:
        """Height and width at full size, with the margin and the cells beyond the picture."""
        height, width = self.block.maps[LOGITS].shape[1:]
        return height * self.stride, width * self.stride

    def at_place(self, values: np.ndarray) -> np.ndarray:
        """Cut the part's place, (..., rows, columns), out of an array at full size with the margin."""
        top, left = self.block.top * self.stride, self.block.left * self.stride
        height, width = self.rows.stop - self.rows.start, self.columns.stop - self.columns.start
        return values[..., top : top + height, left : left + width]

    def cells_at_place(self, name: str) -> np.ndarray:
        """(C, h, w) of a map: the cells that hold pixels of the place."""
        height, width = (-(-(axis.stop - axis.start) // self.stride) for axis in (self.rows, self.columns))
        return self.block.inner(name)[:, :height, :width]


class _Maps:
    """The stitched maps of one picture, brought to full size part by part; the network runs as parts are requested.

    Args:
        predictor: the model.
        source: the picture's rows; they are read once.
        tile_hw: of the tiles, pixels.
        decoding: how classes are chosen.
        reached: called whenever a stage begins or continues.
    """

    def __init__(
        self, predictor: Predictor, source: Rows, tile_hw: tuple[int, int], decoding: Decoding, reached: Reached
    ) -> None:
        self.tree, self.decoding, self.grouping = predictor.tree, decoding, predictor.info.grouping
        self.size_hw, self.stride = source.size_hw, predictor.runtime.stride
        self._runtime, self._source, self._tile_hw, self.reached = predictor.runtime, source, tile_hw, reached
        self.picture = _Thinned(source.size_hw)
        self.evidence = Evidence.none(predictor.tree, predictor.info.presence)  # of the parts so far

    def blocks(self) -> Iterator[Block]:
        """Stitched maps, row of blocks by row of blocks."""
        self.reached("network")
        for block in stitched(self._runtime, self._rows, self.size_hw, self._tile_hw):
            self.reached("decoding")
            yield block
            self.reached("network")

    def _rows(self, y0: int, y1: int) -> np.ndarray:
        rows = self._source.rows(y0, y1)
        self.picture.keep(rows)
        return rows

    def parts(self, block: Block) -> Iterator[_Part]:
        """The parts of a block that lie in the picture."""
        height, width = self.size_hw
        for part in block.parts(PART // self.stride):
            rows = slice(part.y0 * self.stride, min(part.y1 * self.stride, height))
            columns = slice(part.x0 * self.stride, min(part.x1 * self.stride, width))
            if rows.start < rows.stop and columns.start < columns.stop:
                found = _Part(block=part, stride=self.stride, rows=rows, columns=columns)
                self.evidence += self._evidence(found)
                yield found

    def _evidence(self, part: _Part) -> Evidence:
        size_hw = (part.rows.stop - part.rows.start, part.columns.stop - part.columns.start)
        cells = {name: part.cells_at_place(name) for name in part.block.maps}
        return Evidence.of_maps(self.tree, cells, size_hw, self.stride, self.evidence.calibration)

    def fields(self, part: _Part) -> dict[str, np.ndarray]:
        """The fields at the part's place; those that are maps stay at the stride."""
        fields = fields_of(part.block.maps, self.tree.attributes, part.with_margin_hw, self.stride)
        return {
            name: part.cells_at_place(name) if name in part.block.maps else part.at_place(field)
            for name, field in fields.items()
        }

    def classes(self, part: _Part) -> np.ndarray:
        """(rows, columns) uint16 node ids at the part's place, without objects."""
        logits = part.block.maps[LOGITS]
        return part.at_place(class_map(self.tree, logits, part.with_margin_hw, self.stride, self.decoding))


class _Thinned:
    """Keeps every n-th row and column of an array that arrives from top to bottom: at most `LARGEST_OVERLAY` a side.

    Args:
        size_hw: of the array.
    """

    def __init__(self, size_hw: tuple[int, int]) -> None:
        self._step = math.ceil(max(size_hw) / LARGEST_OVERLAY)
        self._passed = 0  # rows
        self._kept: list[np.ndarray] = []

    def keep(self, rows: np.ndarray) -> None:
        """Take the next rows (h, W, ...)."""
        self._kept.append(rows[-self._passed % self._step :: self._step, :: self._step].copy())
        self._passed += len(rows)

    def array(self) -> np.ndarray:
        """The kept rows and columns."""
        return np.concatenate(self._kept)


# -- answers ------------------------------------------------------------------------------------------


class _Objects:
    """The objects of a picture, and the classes of the pixels around them; the network runs when it is made.

    Args:
        maps: of the picture.
        scratch: an empty folder for data that do not fit in memory; the caller removes it.

    Attributes:
        objects: without their instance map.
    """

    def __init__(self, maps: _Maps, scratch: Path) -> None:
        self._maps = maps
        self._store = FieldStore(scratch, maps.tree, maps.grouping, maps.size_hw, maps.stride)
        self._loose_classes = RowFile(scratch / "classes", maps.size_hw, np.uint16)  # of pixels in no object
        for part in (part for block in maps.blocks() for part in maps.parts(block)):
            fields = maps.fields(part)
            self._store.add(fields, part.rows.start, part.columns.start)
            classes = decode(maps.tree, fields[SEMANTIC], maps.decoding)
            things = maps.tree.is_thing[classes]  # pixels that belong to an object get its class later
            classes[things] = best_stuff(maps.tree, fields[SEMANTIC][:, things])
            self._loose_classes.write(part.rows.start, part.columns.start, classes)
        maps.reached("decoding")
        self.objects = self._store.objects(maps.decoding)

    def instance_bands(self) -> Iterator[np.ndarray]:
        """(some rows, W) int32 object numbers, from top to bottom."""
        return self._store.instances()

    def bands(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(some rows, W) classes that agree with the objects, and which pixels are inside one, from top to bottom."""
        tree, level = self._maps.tree, self._maps.decoding.level
        class_of = np.concatenate([np.zeros(1, np.uint16), self.objects.classes])
        y = 0
        for numbers in self.instance_bands():
            loose = self._loose_classes.read(y, y + len(numbers))
            inside = numbers > 0
            yield no_deeper(tree, np.where(inside, class_of[numbers], loose), level), inside
            y += len(numbers)


def _bands_without_objects(maps: _Maps) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(some rows, W) classes, and that no pixel is inside an object, from top to bottom; the network runs meanwhile."""
    height, width = maps.size_hw
    band = np.empty((0, width), np.uint16)
    for block in maps.blocks():
        top = block.y0 * maps.stride
        if block.left == 0:  # the first of its row
            band = np.empty((min(block.y1 * maps.stride, height) - top, width), np.uint16)
        for part in maps.parts(block):
            band[part.rows.start - top : part.rows.stop - top, part.columns] = maps.classes(part)
        if block.right == 0:  # the last of its row
            yield band, np.zeros(band.shape, dtype=bool)


class _Answer:
    """Implements `smalta.results.output.AnswerInParts`.

    Args:
        maps: of the picture.
        picture: its path.
        folder: for the files.
        scratch: as for `_Objects`; kinds without objects do not use it.
    """

    def __init__(self, maps: _Maps, picture: Path, folder: ResultFolder, scratch: Path) -> None:
        self.picture, self.tree, self.size_hw = picture, maps.tree, maps.size_hw
        self.kind: Kind = folder.kind
        self.decoding, self.scale, self.rules = maps.decoding, folder.options.scale, folder.rules
        self.remark = folder.remark
        self._maps, self._scratch = maps, scratch
        self._regions = Regions(maps.tree, maps.size_hw)
        self._thin_classes, self._thin_inside = _Thinned(maps.size_hw), _Thinned(maps.size_hw)

    @cached_property
    def _made(self) -> _Objects:
        if self.kind not in OBJECT_KINDS:
            raise RuntimeError(f"an answer of the kind {self.kind!r} has no objects")
        return _Objects(self._maps, self._scratch)

    @property
    def objects(self) -> Objects:
        """The objects without their instance map."""
        return self._made.objects

    def instance_bands(self) -> Iterator[np.ndarray]:
        """(some rows, W) int32 object numbers, from top to bottom."""
        for band in self._made.instance_bands():
            self._maps.reached("writing")
            yield band

    def class_bands(self) -> Iterator[np.ndarray]:
        """(some rows, W) uint16 node ids, from top to bottom; readable only once."""
        has_objects = self.kind in OBJECT_KINDS
        for classes, inside in self._made.bands() if has_objects else _bands_without_objects(self._maps):
            self._thin_classes.keep(classes)
            self._regions.add(classes)
            self._thin_inside.keep(inside)
            self._maps.reached("writing")
            yield classes

    @cached_property
    def presence(self) -> Presence:
        """Of every node; call it after reading the class bands."""
        objects = self.objects.counts() if self.kind in OBJECT_KINDS else None
        return Presence.of(self.tree, self._regions, self.size_hw, evidence=self._maps.evidence, objects=objects)

    def reduced(self) -> Reduced:
        """The reduced picture and answer for viewing; call it after reading the class bands."""
        picture, classes, inside = self._maps.picture, self._thin_classes, self._thin_inside
        return Reduced(picture=picture.array(), classes=classes.array(), inside=inside.array())
