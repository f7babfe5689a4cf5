"""Draw the picture with its answer in colour, names of objects and a legend.

In:  a picture and its answer.
Out: `overlays/STEM.png`, with a remark about the model below if there is one; reduced for a picture that is processed
     in parts.

Must not know: how answers are made, how colours are blended.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from smalta.description.kinds import Kind
from smalta.results.output import AnswerInParts, Output, Piece, WholeAnswer

if TYPE_CHECKING:
    import numpy as np

    from smalta.answers.objects import Objects

DRAWN_BYTES = 69  # per pixel, while the overlay is drawn


def _whole(answer: WholeAnswer, folder: Path) -> Piece:
    return _write(folder, answer.picture, draw(answer), answer.remark)


def _in_parts(answer: AnswerInParts, folder: Path) -> Piece:
    from smalta.pictures.overlay import overlay, with_legend

    reduced = answer.reduced()
    shown = _shown(reduced.classes, reduced.inside, answer.kind)
    image = overlay(reduced.picture, shown, answer.tree)
    return _write(folder, answer.picture, with_legend(image, answer.tree, _present(shown)), answer.remark)


def _write(folder: Path, picture: Path, image: np.ndarray, remark: str | None) -> Piece:
    import numpy as np

    from smalta.pictures.overlay import caption
    from smalta.pictures.writing import write_picture

    if remark is not None:
        image = np.concatenate([image, caption(remark, image.shape[1])])
    path = folder / f"{picture.stem}.png"
    write_picture(path, image)
    return Piece(file=path)


def _shown(classes: np.ndarray, inside: np.ndarray, kind: Kind) -> np.ndarray:
    """The coloured classes: for the kind "instance" only those of objects, so that the picture stays visible.

    Args:
        classes: (H, W) node ids.
        inside: (H, W) true inside objects.
        kind: of the answer.
    """
    import numpy as np

    from smalta.classes import ROOT

    return np.where(inside, classes, ROOT) if kind == "instance" else classes


def draw(answer: WholeAnswer) -> np.ndarray:
    """(H + h, W, 3) uint8 RGB: the picture in colour, names where they fit, and a legend below."""
    import numpy as np

    from smalta.classes import ROOT
    from smalta.pictures.overlay import overlay, with_legend, write_names

    tree, classes, objects = answer.tree, answer.classes, answer.segmentation.objects
    if objects is None:
        return with_legend(overlay(answer.pixels, classes, tree), tree, _present(classes))
    classes = _shown(classes, objects.instances != 0, answer.kind)
    image = overlay(answer.pixels, classes, tree, instances=objects.instances)
    counts = dict(enumerate(np.bincount(objects.classes, minlength=len(tree) + 1).tolist()))
    named = [node for node in _present(classes) if node != ROOT or counts[ROOT] or answer.kind != "instance"]
    return with_legend(write_names(image, objects.instances, object_names(objects)), tree, named, counts)


def object_names(objects: Objects) -> list[list[str]]:
    """The names of every object, the best first: class and number, then only the number."""
    import numpy as np

    from smalta.classes import ROOT

    tree = objects.tree
    one_class = np.count_nonzero(tree.is_thing[list(tree.leaves)]) == 1
    return [
        [str(number)] if one_class or node == ROOT else [f"{tree[node].name} {number}", str(number)]
        for number, node in enumerate(objects.classes.tolist(), start=1)
    ]


def _present(classes: np.ndarray) -> list[int]:
    import numpy as np

    return np.flatnonzero(np.bincount(classes.ravel())).tolist()


OVERLAY = Output(
    name="overlay",
    help="overlays/STEM.png: the picture in colour, with a legend.",
    folder="overlays",
    whole=_whole,
    in_parts=_in_parts,
    needs_probabilities=True,
    bytes_per_pixel=lambda channels: DRAWN_BYTES,
    imports=(
        "PIL.ImageDraw",
        "PIL.ImageFont",
        "smalta.pictures.overlay",
        "smalta.pictures.writing",
    ),
)
