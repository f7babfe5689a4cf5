"""Choose when pixels are an object, and learn the errors of counts, from validation pictures.

In:  a run's best model, validation pictures.
Out: the model's file with its grouping rule and its errors of counts; a sentence about them.

Must not know: how the rule is chosen, schedules.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from smalta.answers.grouping import GroupingRule
from smalta.answers.segmentation import Segmentation
from smalta.answers.stuff import StuffSegments, least_shares
from smalta.calibration.object_rule import calibrate, candidates
from smalta.data.dataset import Dataset
from smalta.data.sample import Entry
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
    """Write a grouping rule and errors of counts into a model's file.

    Args:
        path: the model; it is replaced in one step.
        dataset: of the entries.
        entries: validation pictures; those without instance labels are skipped.
        device: "cpu" or "cuda".
        bf16: whether to compute in bf16.
        seconds: limit for the pictures; at least `LEAST` are used in any case.
        progress: called after each picture with the number of finished and of all pictures.

    Returns:
        A sentence for the run's log.
    """
    network, info = load_model(path)
    runtime = TorchRuntime(folded(network), info.tree.attributes, device=device, bf16=bf16)
    found = []
    stuff = []
    started = time.monotonic()
    for done, sample in enumerate(dataset.read_many(entries, workers=1), start=1):
        if sample.instances is not None:
            fields = {name: batch[0] for name, batch in runtime(sample.picture[None]).items()}
            found.append(candidates(info.tree, fields, sample.classes, sample.instances))
            answer = Segmentation.from_fields(info.tree, fields, rule=GroupingRule())
            stuff.append(StuffSegments.of(info.tree, answer.panoptic(), sample.classes))
        if progress is not None:
            progress(done, len(entries))
        if len(found) >= LEAST and time.monotonic() - started > seconds:
            break
    if not found:
        return "no validation picture has labelled objects, so the grouping rule has its default values"
    rule, counting = calibrate(info.tree, found)
    rule = replace(rule, min_stuff=least_shares(info.tree, stuff))
    save_model(path, network.state_dict(), replace(info, grouping=rule, counting=counting))
    chosen = ", ".join(f"{name} {value:g}" for name, value in rule.to_dict().items() if name != "min_stuff")
    return f"grouping rule for objects: {chosen}; chosen on {len(found)} validation pictures" + (
        f"; {counting.shortage}" if counting.shortage else ""
    )
