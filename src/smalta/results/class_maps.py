"""Write the class of every pixel as an index picture, with the user's own values.

In:  class maps.
Out: `classes/STEM.png`; a TIFF or Zarr file for a picture that is processed in parts.

Must not know: how answers are made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from smalta.results.output import AnswerInParts, Output, Piece, WholeAnswer, large_name

if TYPE_CHECKING:
    import numpy as np

    from smalta.classes import ClassTree


def _whole(answer: WholeAnswer, folder: Path) -> Piece:
    from smalta.pictures.writing import write_index

    values = answer.tree.node_to_value[answer.classes]
    return Piece(file=write_index(folder / f"{answer.picture.stem}.png", values))


def _in_parts(answer: AnswerInParts, folder: Path) -> Piece:
    from smalta.pictures.large_writing import write_large_index

    tree, dtype = answer.tree, _dtype(answer.tree)
    path = folder / large_name(answer.picture)
    bands = (tree.node_to_value[band].astype(dtype) for band in answer.class_bands())
    write_large_index(path, bands, answer.size_hw, dtype)
    return Piece(file=path)


def _dtype(tree: ClassTree) -> type[np.unsignedinteger[Any]]:
    """The smallest type that holds all values of a tree."""
    import numpy as np

    largest = int(tree.node_to_value.max())
    return np.uint8 if largest < 2**8 else np.uint16 if largest < 2**16 else np.uint32


CLASSES = Output(
    name="classes",
    folder="classes",
    whole=_whole,
    in_parts=_in_parts,
    imports=("smalta.pictures.writing",),
)
