"""Write the folder of a job: the outputs for each picture, and the files about all pictures.

In:  answers, one picture at a time, from any thread.
Out: files in that folder, each complete or absent.

Must not know: how answers are made, their order, the content of an output's files.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np

from smalta.answers.decoding import Decoding, no_deeper
from smalta.answers.evidence import Evidence
from smalta.answers.presence import Presence
from smalta.answers.regions import Regions
from smalta.answers.segmentation import Segmentation
from smalta.classes import ROOT, ClassTree
from smalta.description.kinds import OBJECT_KINDS, Kind
from smalta.errors import ConfigError
from smalta.results.options import OutputOptions
from smalta.results.output import AnswerInParts, Output, Piece, WholeAnswer, Written
from smalta.results.registry import check_asked, check_in_parts, wanted
from smalta.system.whole_files import write_bytes, write_chunks


class ResultFolder:
    """The folder with the results of one job.

    Args:
        path: of the folder; `make` creates it.
        tree: the model's classes.
        kind: of the answers.
        options: what to write.
        remark: about the model, for pictures that people look at; None for none.

    Attributes:
        path, tree, kind, options, remark: as given.
        outputs: that are written.
        rules: for verdicts, with the paths of their nodes; None without rules.

    Raises:
        ConfigError: if a requested output does not exist for this kind, or a rule does not fit the classes.
    """

    def __init__(
        self, path: Path, tree: ClassTree, kind: Kind, options: OutputOptions, *, remark: str | None = None
    ) -> None:
        check_asked(kind, options.outputs)
        self.path, self.tree, self.kind, self.options, self.remark = path, tree, kind, options, remark
        self.outputs: tuple[Output, ...] = wanted(kind, options.outputs, rules=options.rules is not None)
        self.rules = None if options.rules is None else options.rules.for_tree(tree, objects=kind in OBJECT_KINDS)

    @property
    def classes_are_enough(self) -> bool:
        """Whether the outputs need only the class map of a picture and the evidence of its nodes."""
        return self.kind not in OBJECT_KINDS and not any(output.needs_probabilities for output in self.outputs)

    def make(self) -> None:
        """Create the folder, its subfolders, and `classes.json`, which explains the values; load the outputs.

        Raises:
            ConfigError: if a folder cannot be created.
        """
        for output in self.outputs:
            output.load()
            if output.folder is None:
                continue
            path = self.path / output.folder
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(
                    f"the folder {path} cannot be created ({error}); set another folder with --out"
                ) from error
        write_bytes(self.path / "classes.json", _legend_json(self.tree, self.kind).encode())

    def write(self, picture: Path, pixels: np.ndarray, answer: Segmentation) -> Written:
        """Write the files of one picture; several threads may call it for different pictures.

        Args:
            picture: its path, whose stem names the files.
            pixels: (H, W, 3) uint8 RGB.
            answer: for the picture, of the job's kind.

        Raises:
            DataError: if a file cannot be written.
        """
        classes = class_map(answer, self.options.decoding)
        return self._write_whole(picture, pixels, classes, answer.presence(), answer)

    def write_classes(self, picture: Path, pixels: np.ndarray, classes: np.ndarray, evidence: Evidence) -> Written:
        """The same from (H, W) uint16 node ids and the evidence of the nodes, if `classes_are_enough`."""
        regions, size_hw = Regions.of(self.tree, classes), (classes.shape[0], classes.shape[1])
        presence = Presence.of(self.tree, regions, size_hw, evidence=evidence)
        return self._write_whole(picture, pixels, classes, presence, None)

    def write_in_parts(self, answer: AnswerInParts) -> Written:
        """The same for a picture that is processed in parts.

        Raises:
            DataError: if a requested output cannot be made in parts, or a file cannot be written.
        """
        check_in_parts(self.outputs, answer.picture, answer.size_hw)
        pieces = {o.name: o.in_parts(answer, self._place(o)) for o in self.outputs if o.in_parts is not None}
        return _written(pieces)

    def write_joined(self, written: Collection[Written]) -> None:
        """Write the files about all pictures.

        Args:
            written: of the finished pictures, in the order of the files' entries; it is iterated once per file, so it
                need not hold all of them in memory.

        Raises:
            DataError: if a file cannot be written.
        """
        for output in self.outputs:
            if output.joined is not None:
                added = (one.added[output.name] for one in written if output.name in one.added)
                write_chunks(self.path / output.joined.name, output.joined.join(self.tree, added))

    def _write_whole(
        self,
        picture: Path,
        pixels: np.ndarray,
        classes: np.ndarray,
        presence: Presence,
        answer: Segmentation | None,
    ) -> Written:
        whole = WholeAnswer(
            picture=picture,
            pixels=pixels,
            tree=self.tree,
            kind=self.kind,
            decoding=self.options.decoding,
            asked=self.options.outputs,
            scale=self.options.scale,
            rules=self.rules,
            classes=classes,
            presence=presence,
            answer=answer,
            remark=self.remark,
        )
        return _written({output.name: output.whole(whole, self._place(output)) for output in self.outputs})

    def _place(self, output: Output) -> Path:
        return self.path if output.folder is None else self.path / output.folder


def class_map(answer: Segmentation, decoding: Decoding) -> np.ndarray:
    """(H, W) uint16 node ids that agree with the objects, if there are any, and lie no deeper than the level.

    Small regions of stuff stay, as in pictures that are processed in parts; only panoptic files drop them.
    """
    return answer.classes if answer.objects is None else no_deeper(answer.tree, answer.agreeing(), decoding.level)


def _written(pieces: dict[str, Piece]) -> Written:
    return Written(
        files={name: piece.file for name, piece in pieces.items() if piece.file is not None},
        added={name: piece.added for name, piece in pieces.items() if piece.added},
    )


def _legend_json(tree: ClassTree, kind: Kind) -> str:
    """The kind of the results, and the class of each value in `classes/*.png`."""
    rows = [
        {
            "value": int(tree.node_to_value[node]),
            "class": tree.name(node),
            "color": "#{:02x}{:02x}{:02x}".format(*tree.colors[node]),
        }
        for node in (ROOT, *tree.descendants(ROOT))
    ]
    return json.dumps({"kind": kind, "classes": rows}, indent=1) + "\n"
