"""What an output is: one kind of result file, described in one place.

In:  the answer for a picture, whole or in parts.
Out: `Output`, and what its functions take and give.

`smalta.results.registry` lists the outputs. The command line reads that list before it does anything else, so a module
of an output imports numpy, OpenCV and whatever needs them inside its functions.

Must not know: any one output, the folder of a job, how answers are made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from smalta.description.kinds import KINDS, Kind

if TYPE_CHECKING:
    import numpy as np

    from smalta.answers.decoding import Decoding
    from smalta.answers.objects import Objects
    from smalta.answers.segmentation import Segmentation
    from smalta.classes import ClassTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A detail of an output: `--NAME` on the command line, "NAME" in `OutputOptions.outputs`.

    Attributes:
        name: with hyphens between words.
        help: of the option.
    """

    name: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What an output made of one picture.

    Attributes:
        file: that was written, if any.
        added: text for the file about all pictures; empty if the picture adds nothing.
    """

    file: Path | None = None
    added: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedFile:
    """A file about all pictures.

    Attributes:
        name: of the file.
        join: its content from what the pictures add, in their order.
    """

    name: str
    join: Callable[[ClassTree, Iterable[str]], Iterator[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One kind of result file.

    Attributes:
        name: in the manifest; of the option `--NAME`, where there is one.
        help: of the option `--NAME`, which asks for it; None if it is written without being asked for.
        settings: details that may be asked for besides.
        kinds: of answers that have it.
        folder: for a file of each picture, if it has one.
        joined: the file about all pictures, if it has one.
        whole: makes a picture's piece from the answer, and writes its file into the folder that is given.
        in_parts: the same for a picture that is answered in parts; None if that cannot be. Without it, an output that
            is asked for is refused for such a picture, and one that is always written leaves the picture out.
        needs_probabilities: whether it is made of more than the class map and the objects.
        bytes_per_pixel: memory while it is made, beside the picture and the class map, by number of channels.
        imports: modules that its functions import. They are loaded before pictures are answered on threads, because two
            threads that load a library at once may wait for each other for ever.
    """

    name: str
    help: str | None = None
    settings: tuple[Setting, ...] = ()
    kinds: tuple[Kind, ...] = KINDS
    folder: str | None = None
    joined: JoinedFile | None = None
    whole: Callable[[WholeAnswer, Path], Piece]
    in_parts: Callable[[AnswerInParts, Path], Piece] | None = None
    needs_probabilities: bool = False
    bytes_per_pixel: Callable[[int], int] = lambda channels: 0
    imports: tuple[str, ...] = ()

    def load(self) -> None:
        """Import what its functions need."""
        for module in self.imports:
            import_module(module)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What the outputs made of one picture, by their names.

    Attributes:
        files: that were written.
        added: texts for the files about all pictures.
    """

    files: Mapping[str, Path]
    added: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WholeAnswer:
    """The answer for a picture that is in memory as a whole.

    Attributes:
        picture: its path, whose stem names the files.
        pixels: (H, W, 3) uint8 RGB.
        tree: the classes.
        kind: of the answer.
        decoding: how classes were chosen.
        asked: names of the outputs and details that are asked for.
        classes: (H, W) uint16 node ids that agree with the objects.
        answer: all that is known; None if the class map is enough for the outputs.
    """

    picture: Path
    pixels: np.ndarray
    tree: ClassTree
    kind: Kind
    decoding: Decoding
    asked: Collection[str]
    classes: np.ndarray
    answer: Segmentation | None = None

    @property
    def segmentation(self) -> Segmentation:
        """The answer, for outputs that need probabilities or objects."""
        if self.answer is None:
            raise RuntimeError("an output needs more than the class map; it must say so")
        return self.answer

    @property
    def objects(self) -> Objects:
        """The objects, for outputs of kinds that have them."""
        if self.segmentation.objects is None:
            raise RuntimeError(f"an answer of the kind {self.kind!r} has no objects")
        return self.segmentation.objects


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduced:
    """A picture and its answer, reduced to a size that can be looked at.

    Attributes:
        picture: (h, w, 3) uint8 RGB.
        classes: (h, w) uint16 node ids.
        inside: (h, w) bool: pixels of objects.
    """

    picture: np.ndarray
    classes: np.ndarray
    inside: np.ndarray


class AnswerInParts(Protocol):
    """The answer for a picture that is answered in parts, because the whole does not fit in memory.

    Outputs ask in the order of the registry. The class map comes first; `reduced` needs that it has been read.
    """

    @property
    def picture(self) -> Path:
        """Its path, whose stem names the files."""
        ...

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        ...

    @property
    def tree(self) -> ClassTree:
        """The classes."""
        ...

    @property
    def kind(self) -> Kind:
        """Of the answer."""
        ...

    @property
    def objects(self) -> Objects:
        """The objects without their instance map, for outputs of kinds that have them."""
        ...

    def class_bands(self) -> Iterator[np.ndarray]:
        """(some rows, W) uint16 node ids, from top to bottom; to be read once."""
        ...

    def instance_bands(self) -> Iterator[np.ndarray]:
        """(some rows, W) int32 the instance map, from top to bottom."""
        ...

    def reduced(self) -> Reduced:
        """What can be looked at."""
        ...


def large_name(picture: Path) -> str:
    """Name of an index picture that is written in parts: Zarr for Zarr, else TIFF."""
    return f"{picture.stem}{'.zarr' if picture.suffix.lower() == '.zarr' else '.tif'}"
