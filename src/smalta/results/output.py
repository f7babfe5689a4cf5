"""Describe an output: one kind of result file.

In:  the answer for a picture, whole or in parts.
Out: `Output`, and the arguments and results of its functions.

`smalta.results.registry` lists the outputs. The command line reads that list at its start, so a module of an output
imports numpy, OpenCV and modules that need them inside its functions.

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
    from smalta.answers.presence import Presence
    from smalta.answers.scale import Scale
    from smalta.answers.segmentation import Segmentation
    from smalta.classes import ClassTree
    from smalta.verdicts.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting of an output: `--NAME` on the command line, "NAME" in `OutputOptions.outputs`.

    Attributes:
        name: with hyphens between words.
        help: of the option.
    """

    name: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The result of an output for one picture.

    Attributes:
        file: the written file, if any.
        added: text for the file about all pictures; empty if the picture adds nothing.
    """

    file: Path | None = None
    added: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedFile:
    """A file about all pictures.

    Attributes:
        name: of the file.
        join: makes its content from the texts that the pictures add, in order.
    """

    name: str
    join: Callable[[ClassTree, Iterable[str]], Iterator[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One kind of result file.

    Attributes:
        name: in the manifest, and of the option `--NAME` if there is one.
        help: of the option `--NAME`, which requests it; None for an output that is always written.
        settings: further options of the output.
        kinds: of results that have it.
        folder: for a file of each picture, if it has one.
        joined: the file about all pictures, if it has one.
        whole: makes a picture's piece from the answer, and writes its file into the given folder.
        in_parts: the same for a picture that is processed in parts; None if that is impossible. Without it, a requested
            output is refused for such a picture, and an output that is always written omits the picture.
        needs_probabilities: whether it needs more than the class map, what is present, and the objects.
        needs_rules: whether it is written only if there are rules for verdicts.
        bytes_per_pixel: memory while it is made, besides the picture and the class map, by number of channels.
        imports: modules that its functions import. They are loaded before threads process pictures, because two
            threads that load a library at the same time may wait for each other forever.
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
    needs_rules: bool = False
    bytes_per_pixel: Callable[[int], int] = lambda channels: 0
    imports: tuple[str, ...] = ()

    def load(self) -> None:
        """Import the modules that its functions need."""
        for module in self.imports:
            import_module(module)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The results of the outputs for one picture, by their names.

    Attributes:
        files: the written files.
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
        asked: names of the requested outputs and settings.
        scale: size of a pixel; None if it is not stated.
        rules: for verdicts; None without rules.
        classes: (H, W) uint16 node ids that agree with the objects.
        presence: of every node.
        answer: the full answer; None if the outputs need only the class map.
        remark: about the model, for pictures that people look at; None for none.
    """

    picture: Path
    pixels: np.ndarray
    tree: ClassTree
    kind: Kind
    decoding: Decoding
    asked: Collection[str]
    scale: Scale | None
    rules: Rules | None
    classes: np.ndarray
    presence: Presence
    answer: Segmentation | None = None
    remark: str | None = None

    @property
    def segmentation(self) -> Segmentation:
        """The answer, for outputs that need probabilities or objects."""
        if self.answer is None:
            raise RuntimeError("an output needs more than the class map; set needs_probabilities in it")
        return self.answer

    @property
    def objects(self) -> Objects:
        """The objects, for outputs of kinds that have them."""
        if self.segmentation.objects is None:
            raise RuntimeError(f"an answer of the kind {self.kind!r} has no objects")
        return self.segmentation.objects


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduced:
    """A picture and its answer, reduced to a size for viewing.

    Attributes:
        picture: (h, w, 3) uint8 RGB.
        classes: (h, w) uint16 node ids.
        inside: (h, w) bool: pixels of objects.
    """

    picture: np.ndarray
    classes: np.ndarray
    inside: np.ndarray


class AnswerInParts(Protocol):
    """The answer for a picture that is processed in parts, because the whole does not fit in memory.

    Outputs use it in the order of the registry. The class map comes first; `reduced` and `presence` need it to
    have been read.
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
    def decoding(self) -> Decoding:
        """How classes were chosen."""
        ...

    @property
    def scale(self) -> Scale | None:
        """Size of a pixel; None if it is not stated."""
        ...

    @property
    def rules(self) -> Rules | None:
        """For verdicts; None without rules."""
        ...

    @property
    def remark(self) -> str | None:
        """About the model, for pictures that people look at; None for none."""
        ...

    @property
    def presence(self) -> Presence:
        """Of every node; it needs the class map to have been read."""
        ...

    @property
    def objects(self) -> Objects:
        """The objects without their instance map, for outputs of kinds that have them."""
        ...

    def class_bands(self) -> Iterator[np.ndarray]:
        """(some rows, W) uint16 node ids, from top to bottom; readable only once."""
        ...

    def instance_bands(self) -> Iterator[np.ndarray]:
        """(some rows, W) int32 rows of the instance map, from top to bottom."""
        ...

    def reduced(self) -> Reduced:
        """The reduced picture and answer, for viewing."""
        ...


def large_name(picture: Path) -> str:
    """The name of an index picture that is written in parts: Zarr for a Zarr picture, otherwise TIFF."""
    return f"{picture.stem}{'.zarr' if picture.suffix.lower() == '.zarr' else '.tif'}"
