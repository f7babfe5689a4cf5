"""Write the object of every pixel as an index picture: 1..N as in `objects.csv`, 0 = no object.

In:  instance maps.
Out: `instances/STEM.png` of 16 bits; a TIFF or Zarr file for a picture that is processed in parts.

Must not know: how objects are made.
"""

from __future__ import annotations

from pathlib import Path

from smalta.description.kinds import OBJECT_KINDS
from smalta.results.output import AnswerInParts, Output, Piece, WholeAnswer, large_name


def _whole(answer: WholeAnswer, folder: Path) -> Piece:
    from smalta.pictures.writing import write_index

    return Piece(file=write_index(folder / f"{answer.picture.stem}.png", answer.objects.instances, bits=16))


def _in_parts(answer: AnswerInParts, folder: Path) -> Piece:
    import numpy as np

    from smalta.pictures.large_writing import write_large_index

    path = folder / large_name(answer.picture)
    dtype = np.uint16 if len(answer.objects) < 2**16 else np.uint32
    write_large_index(path, answer.instance_bands(), answer.size_hw, dtype)
    return Piece(file=path)


INSTANCES = Output(
    name="instances",
    kinds=OBJECT_KINDS,
    folder="instances",
    whole=_whole,
    in_parts=_in_parts,
    imports=("smalta.pictures.writing",),
)
