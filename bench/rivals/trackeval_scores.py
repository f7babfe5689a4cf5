"""TrackEval's scores of random clips, which the tests of `smalta.metrics.tracking` must reach.

In:  the clips of `tests/tracking_clips.py`, made from seeds.
Out: a JSON file: scores of each clip, and of all clips of a kind together.

Runs in the rivals' environment, without smalta: boxes and masks are compared by TrackEval's own code too.

    PYTHONPATH=tests python -m bench.rivals.trackeval_scores tests/metrics/trackeval.json
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as masks
from trackeval.datasets._base_dataset import _BaseDataset
from trackeval.metrics import CLEAR, HOTA, Identity

from tracking_clips import BOX_SEEDS, MASK_SEEDS, ClipFrame, clip

METRICS = {"clear": CLEAR, "identity": Identity, "hota": HOTA}
KEPT = {
    "clear": ("MOTA", "MOTP", "sMOTA", "CLR_Re", "CLR_Pr", "CLR_FN", "CLR_FP", "IDSW", "Frag", "MT", "ML"),
    "identity": ("IDF1", "IDP", "IDR"),
    "hota": ("HOTA", "DetA", "AssA", "LocA"),
}


def by_boxes(frame: ClipFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids and IoU of boxes."""
    similarity = _BaseDataset._calculate_box_ious(frame.true_boxes, frame.predicted_boxes, box_format="x0y0x1y1")
    return frame.true_ids, frame.predicted_ids, similarity


def by_masks(frame: ClipFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids and IoU of run-length encoded masks."""
    sides = []
    for painted in frame.maps():
        ids = np.unique(painted[painted != 0])
        coded = [masks.encode(np.asfortranarray(painted == number, dtype=np.uint8)) for number in ids]
        sides.append((ids, coded))
    (true_ids, true), (predicted_ids, predicted) = sides
    similarity = np.zeros((len(true), len(predicted)))
    if true and predicted:
        similarity = _BaseDataset._calculate_mask_ious(true, predicted, is_encoded=True, do_ioa=False)
    return true_ids, predicted_ids, similarity


def sequence(frames: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """One clip as TrackEval wants it: ids from 0 without gaps."""
    true, predicted, similarity = map(list, zip(*frames, strict=True))
    sides = {}
    for name, of in (("gt", true), ("tracker", predicted)):
        known = np.unique(np.concatenate(of))
        sides[f"{name}_ids"] = [np.searchsorted(known, ids) for ids in of]
        sides[f"num_{name}_ids"] = len(known)
        sides[f"num_{name}_dets"] = sum(map(len, of))
    return {**sides, "similarity_scores": similarity, "num_timesteps": len(similarity)}


def kept(results: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The scores that smalta has too; those of HOTA as means over alpha."""
    return {name: float(np.mean(results[metric][name])) for metric, names in KEPT.items() for name in names}


def scores_of(seeds: Iterable[int], compare: Callable[[ClipFrame], Any]) -> dict[str, Any]:
    """Scores of each clip by seed, and of all together."""
    metrics = {name: metric() for name, metric in METRICS.items()}
    clips = {str(seed): sequence(map(compare, clip(seed))) for seed in seeds}
    results = {
        name: {seed: metric.eval_sequence(data) for seed, data in clips.items()} for name, metric in metrics.items()
    }
    together = {name: metric.combine_sequences(results[name]) for name, metric in metrics.items()}
    each = {seed: list(kept({name: results[name][seed] for name in metrics}).values()) for seed in clips}
    return {"clips": each, "together": list(kept(together).values())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("json", type=Path)
    options = parser.parse_args()
    facts = {
        "trackeval": importlib.metadata.version("trackeval"),
        "names": [name for names in KEPT.values() for name in names],
        "boxes": scores_of(BOX_SEEDS, by_boxes),
        "masks": scores_of(MASK_SEEDS, by_masks),
    }
    options.json.write_text(json.dumps(facts, indent=None).replace('], "', '],\n"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
