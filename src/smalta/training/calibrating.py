"""Learn from validation pictures how sure it is that a class is there, when pixels are an object, and errors of counts.

In:  a run's best model, validation pictures.
Out: the model's file with its calibration of presence, its grouping rule and its errors of counts; a sentence.

Must not know: how these are learned, schedules.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from smalta.answers.evidence import Evidence
from smalta.answers.fields import CENTER
from smalta.answers.grouping import GroupingRule
from smalta.answers.presence_calibration import PresenceCalibration
from smalta.answers.segmentation import Segmentation
from smalta.answers.stuff import StuffSegments, least_shares
from smalta.answers.upscaling import fields_of
from smalta.calibration.object_rule import Candidates, calibrate, candidates
from smalta.calibration.presence import fit_presence
from smalta.classes import ClassTree
from smalta.data.dataset import Dataset
from smalta.data.sample import Entry, Sample
from smalta.metrics.node_presence import true_presence
from smalta.model.folding import folded
from smalta.model.storage import load_model, save_model
from smalta.model.torch_runtime import TorchRuntime

LEAST = 9  # pictures, even if time is short; intervals need so many


def calibrate_model(
    path: Path,
    dataset: Dataset,
    entries: Sequence[Entry],
    *,
    device: str,
    bf16: bool,
    seconds: float = math.inf,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Write a calibration of presence, a grouping rule and errors of counts into a model's file.

    Args:
        path: the model; it is replaced in one step.
        dataset: of the entries.
        entries: validation pictures; those without instance labels are not used for objects.
        device: "cpu" or "cuda".
        bf16: whether to compute in bf16.
        seconds: limit for the pictures; at least `LEAST` are used in any case.
        progress: called after each picture with the number of finished and of all pictures.

    Returns:
        A sentence for the run's log.
    """
    network, info = load_model(path)
    runtime = TorchRuntime(folded(network), info.tree.attributes, device=device, bf16=bf16)
    found = _Found()
    started = time.monotonic()
    for done, sample in enumerate(dataset.read_many(entries, workers=1), start=1):
        maps = {name: batch[0] for name, batch in runtime.maps(sample.picture[None]).items()}
        found.add(info.tree, maps, sample, runtime.stride)
        if progress is not None:
            progress(done, len(entries))
        enough = len(found.candidates) if info.network.objects else done
        if enough >= LEAST and time.monotonic() - started > seconds:
            break
    presence = fit_presence(info.tree, *(np.array(rows) for rows in (found.evidence, found.present, found.known)))
    info = replace(info, presence=presence)
    said = [_about_presence(presence, len(found.evidence))]
    if found.candidates:
        rule, counting = calibrate(info.tree, found.candidates)
        rule = replace(rule, min_stuff=least_shares(info.tree, found.stuff))
        info = replace(info, grouping=rule, counting=counting)
        chosen = ", ".join(f"{name} {value:g}" for name, value in rule.to_dict().items() if name != "min_stuff")
        said.append(f"grouping rule for objects: {chosen}; chosen on {len(found.candidates)} validation pictures")
        said += [counting.shortage] if counting.shortage else []
    elif info.network.objects:
        said.append("no validation picture has labelled objects, so the grouping rule has its default values")
    save_model(path, network.state_dict(), info)
    return "; ".join(said)


@dataclass
class _Found:
    """What is kept of the pictures so far.

    Attributes:
        evidence, present, known: of each picture, (N + 1,) by node id.
        candidates, stuff: of each picture with labelled objects.
    """

    evidence: list[np.ndarray] = field(default_factory=list)
    present: list[np.ndarray] = field(default_factory=list)
    known: list[np.ndarray] = field(default_factory=list)
    candidates: list[Candidates] = field(default_factory=list)
    stuff: list[StuffSegments] = field(default_factory=list)

    def add(self, tree: ClassTree, maps: Mapping[str, np.ndarray], sample: Sample, stride: int) -> None:
        """Add a picture with its labels and the network's maps."""
        size_hw = (sample.picture.shape[0], sample.picture.shape[1])
        self.evidence.append(Evidence.of_maps(tree, maps, size_hw, stride).strength)
        present, known = true_presence(tree, sample.classes)
        self.present.append(present)
        self.known.append(known)
        if sample.instances is not None and CENTER in maps:
            fields = fields_of(maps, tree.attributes, size_hw, stride)
            self.candidates.append(candidates(tree, fields, sample.classes, sample.instances))
            answer = Segmentation.from_fields(tree, fields, rule=GroupingRule())
            self.stuff.append(StuffSegments.of(tree, answer.panoptic(), sample.classes))


def _about_presence(presence: PresenceCalibration, pictures: int) -> str:
    """How many classes have a calibrated probability of presence, and why others have none."""
    reasons = [f"{path} is not calibrated: {node.shortage}" for path, node in presence.nodes.items() if node.shortage]
    known = len(presence.nodes) - len(reasons)
    said = f"presence of {known} of {len(presence.nodes)} classes calibrated on {pictures} validation pictures"
    return "; ".join([said, *reasons])
