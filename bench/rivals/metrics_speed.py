"""The rivals' measures beside smalta's, on the same maps in memory: seconds of each, and whether the numbers agree.

In:  the COCO panoptic part and the nuclei as published; the "predictions" are the truths, disturbed.
Out: a JSON file.

Runs in the rivals' environment. Each side takes one core; the sides take turns. What is timed begins with maps of
segment ids, so that decoding of PNG files is in neither.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import panopticapi.evaluation
from stardist.matching import matching_dataset

from smalta.metrics.instance import THRESHOLDS, match_counts
from smalta.metrics.panoptic import SegmentMap, mean_quality, panoptic_counts

ROUNDS = 5
SHIFT = (1, 1)  # pixels
LOST = 0.1  # share of the objects that the disturbed truth lacks
GRAIN = 16  # side of the blocks that lose their label, pixels
SEED = 0


def disturbed(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Labels moved by some pixels, without a tenth of the objects and with a hole here and there."""
    moved = np.roll(labels, SHIFT, axis=(0, 1))
    ids = np.unique(moved)
    moved[np.isin(moved, ids[random.random(len(ids)) < LOST])] = 0
    blocks = random.random([-(-side // GRAIN) for side in labels.shape]) < 0.03
    holes = np.kron(blocks, np.ones((GRAIN, GRAIN), dtype=bool))[: labels.shape[0], : labels.shape[1]]
    moved[holes] = 0
    return moved


def side_by_side(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> dict[str, Any]:
    """Seconds of both in turn, after one run of each that is not counted."""
    ours(), theirs()
    seconds: dict[str, list[float]] = {"smalta": [], "rival": []}
    for _ in range(rounds):
        for name, side in (("smalta", ours), ("rival", theirs)):
            start = time.perf_counter()
            side()
            seconds[name].append(round(time.perf_counter() - start, 4))
    ratios = [theirs / ours for ours, theirs in zip(*seconds.values(), strict=True)]
    return {
        "seconds": {name: statistics.median(values) for name, values in seconds.items()},
        "rounds": seconds,
        "ratio": round(statistics.median(ratios), 2),
        "ratio_range": [round(min(ratios), 2), round(max(ratios), 2)],
    }


@dataclass
class Panoptic:
    """Truths and predictions as COCO's records and maps of segment ids."""

    categories: dict[int, dict[str, Any]]
    records: list[tuple[dict[str, Any], dict[str, Any]]]
    maps: dict[str, np.ndarray]  # by path, as panopticapi asks for them

    @classmethod
    def read(cls, root: Path) -> Panoptic:
        """The part of COCO below `root`, and it disturbed."""
        random = np.random.default_rng(SEED)
        file = next(root.glob("panoptic_segmentation/annotations/*.json"))
        text = json.loads(file.read_text(encoding="utf-8"))
        categories = {category["id"]: category for category in text["categories"]}
        records, maps = [], {}
        for truth in text["annotations"]:
            name = truth["file_name"]
            path = file.with_suffix("") / name
            b, g, r = (layer.astype(np.uint32) for layer in cv2.split(cv2.imread(str(path))))
            maps[f"truth/{name}"] = r + 256 * g + 65536 * b
            maps[f"found/{name}"] = disturbed(maps[f"truth/{name}"], random)
            left = set(np.unique(maps[f"found/{name}"]).tolist())
            found = copy.deepcopy(truth)
            found["segments_info"] = [part | {"iscrowd": 0} for part in truth["segments_info"] if part["id"] in left]
            for part in found["segments_info"]:
                if random.random() < 0.1:
                    part["category_id"] = int(random.choice(list(categories)))
            records.append((truth, found))
        return cls(categories, records, maps)

    def ours(self) -> np.ndarray:
        """(K, 4) counts by smalta."""
        channel = {category: place for place, category in enumerate(self.categories, start=1)}

        def segment_map(side: str, record: dict[str, Any]) -> SegmentMap:
            parts = record["segments_info"]
            return SegmentMap(
                segments=self.maps[f"{side}/{record['file_name']}"],
                ids=np.array([part["id"] for part in parts], dtype=np.int64),
                classes=np.array([channel[part["category_id"]] for part in parts], dtype=np.int64),
                crowd=np.array([part["iscrowd"] for part in parts], dtype=bool),
            )

        return sum(
            panoptic_counts(segment_map("truth", truth), segment_map("found", found), len(channel))
            for truth, found in self.records
        )

    def theirs(self) -> Any:
        """Counts by panopticapi, on one core."""
        with contextlib.redirect_stdout(io.StringIO()):
            return panopticapi.evaluation.pq_compute_single_core(0, self.records, "truth", "found", self.categories)

    @contextlib.contextmanager
    def in_memory(self) -> Any:
        """Let panopticapi find the maps in memory instead of in PNG files."""
        module = panopticapi.evaluation
        image, rgb2id = module.Image, module.rgb2id
        module.Image, module.rgb2id = self, lambda ids: ids
        yield
        module.Image, module.rgb2id = image, rgb2id

    def open(self, path: str) -> np.ndarray:
        """What stands in for PIL's `Image.open`."""
        return self.maps[path]


def panoptic(root: Path, rounds: int) -> dict[str, Any]:
    """Panoptic quality by both.

    Raises:
        AssertionError: if a class gets other counts.
    """
    data = Panoptic.read(root)
    with data.in_memory():
        counts, rival = data.ours(), data.theirs()
        expected = np.array([[(part := rival[c]).tp, part.fp, part.fn, part.iou] for c in data.categories])
        np.testing.assert_array_equal(counts[:, :3], expected[:, :3])
        np.testing.assert_allclose(counts[:, 3], expected[:, 3], rtol=1e-12)
        quality = rival.pq_average(data.categories, isthing=None)[0]["pq"]
        np.testing.assert_allclose(mean_quality(counts), quality, rtol=1e-12)
        times = side_by_side(data.ours, data.theirs, rounds)
    return {"rival": "panopticapi", "pictures": len(data.records), "pq": round(float(quality), 4)} | times


def ties(truths: list[np.ndarray], predictions: list[np.ndarray]) -> np.ndarray:
    """(thresholds,) pairs whose IoU, as a fraction of whole numbers, equals the threshold.

    StarDist's IoU is in float32, where 7 / 10 lies below 0.7: such pairs may count for one side alone.
    """
    found = np.zeros(len(THRESHOLDS), dtype=int)
    percent = np.round(np.array(THRESHOLDS) * 100).astype(int)
    for truth, prediction in zip(truths, predictions, strict=True):
        shared = np.histogram2d(
            truth.ravel(), prediction.ravel(), bins=[np.arange(m.max() + 2) for m in (truth, prediction)]
        )[0].astype(np.int64)
        union = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0, keepdims=True) - shared
        for place, value in enumerate(percent):
            found[place] += np.count_nonzero((100 * shared == value * union)[1:, 1:] & (shared > 0)[1:, 1:])
    return found


def nuclei(root: Path, rounds: int) -> dict[str, Any]:
    """The ten thresholds on nuclei by both.

    Raises:
        AssertionError: if the counts differ at a threshold by more pairs than lie exactly on it.
    """
    random = np.random.default_rng(SEED)
    truths = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted((root / "instances").iterdir())]
    predictions = [disturbed(truth, random) for truth in truths]

    def ours() -> np.ndarray:
        return sum(match_counts(truth, found) for truth, found in zip(truths, predictions, strict=True))

    def theirs() -> Any:
        return matching_dataset(truths, predictions, thresh=THRESHOLDS, show_progress=False, parallel=False)

    counts, rival = ours(), theirs()
    exact = ties(truths, predictions)
    difference = np.abs(counts[:, 0] - [line.tp for line in rival])
    assert np.all(difference <= exact), (difference, exact)
    np.testing.assert_array_equal(counts[:, 1:3], [[line.n_pred, line.n_true] for line in rival])
    same = difference == 0
    quality = 2 * counts[:, 3] / (counts[:, 1] + counts[:, 2])
    np.testing.assert_allclose(quality[same], np.array([line.panoptic_quality for line in rival])[same], rtol=1e-5)
    facts = {
        "rival": "stardist.matching",
        "pictures": len(truths),
        "true": int(counts[0, 2]),
        "found": int(counts[0, 1]),
        "accuracy": [round(float(line.accuracy), 4) for line in rival],
        "pairs_on_a_threshold": int(exact.sum()),
        "pairs_counted_by_one_side": int(difference.sum()),
    }
    return facts | side_by_side(ours, theirs, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data", type=Path, help="folder of the real data sets")
    parser.add_argument("json", type=Path)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    facts = {
        "panoptic": panoptic(options.data / "coco128_panoptic", options.rounds),
        "nuclei": nuclei(options.data / "dsb2018_nuclei", options.rounds),
    }
    options.json.write_text(json.dumps(facts, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
