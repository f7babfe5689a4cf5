"""Write the probabilities of the classes of a level as numpy files.

In:  leaf probabilities.
Out: `probabilities/STEM.npz` with "probabilities", float16, and "classes", the paths of their classes.

Must not know: how answers are made.
"""

from __future__ import annotations

import io
from pathlib import Path

from smalta.results.output import Output, Piece, Setting, WholeAnswer
from smalta.system.whole_files import write_bytes

CHANNELS_LAST = Setting(name="channels-last", help="Write probabilities as (height, width, classes).")


def _whole(answer: WholeAnswer, folder: Path) -> Piece:
    import numpy as np

    from smalta.answers.decoding import node_probabilities

    tree = answer.tree
    nodes = tree.level(answer.decoding.level or tree.n_levels)
    array = node_probabilities(tree, answer.segmentation.probabilities, nodes).astype(np.float16)
    if CHANNELS_LAST.name in answer.asked:
        array = np.moveaxis(array, 0, -1)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, probabilities=array, classes=np.array([tree.name(node) for node in nodes]))
    path = folder / f"{answer.picture.stem}.npz"
    write_bytes(path, buffer.getvalue())
    return Piece(file=path)


PROBABILITIES = Output(
    name="probabilities",
    help="probabilities/STEM.npz: probabilities of the classes (classes, height, width).",
    settings=(CHANNELS_LAST,),
    folder="probabilities",
    whole=_whole,
    needs_probabilities=True,
    bytes_per_pixel=lambda channels: 12 * channels,
)
