"""The rival: Ultralytics' yolo11n-seg, trained from scratch.

In:  the prepared set of nuclei, minutes; or a trained model and a folder of pictures.
Out: RUN/yolo with RUN/training.json; or one 16-bit PNG of object ids per picture and RUN/prediction.json.

Ultralytics' own loop with its own augmentation, bounded by its `time`. What differs from its defaults: no pretrained
weights, all cores, every batch is a step (`nbs`; there is time for few), mirrored upside down as well, more than 300
objects in a picture. Confidence and overlap threshold are chosen on val, and the side that pictures are brought to for
predicting (larger than in training is better here). Masks come at the picture's own size; where two overlap, the one
of higher confidence lies on top.

YOLO_OFFLINE and YOLO_CONFIG_DIR must be set, so that it asks for nothing and leaves nothing outside its run.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from ultralytics import YOLO
from ultralytics.utils import torch_utils

from bench.rivals.nuclei_files import Labelled, command_line, predict_files, read_part
from smalta.metrics.instance import match_counts, mean_accuracy

SIDE = 320  # most pictures are 256x256; at 640 there is time for three epochs
BATCH = 8
MAX_OBJECTS = 1000
CONFIDENCES = tuple(percent / 100 for percent in range(5, 95, 5))
OVERLAPS = (0.5, 0.7)
LARGER = (1.0, 1.3, 1.6)  # sides to predict at, as multiples of the side in training
FOR_THRESHOLDS = 0.09  # share of the time that is kept for the last validations and for choosing thresholds
torch_utils.NUM_THREADS = os.cpu_count()  # Ultralytics leaves one core alone, on two that is half of them
FINE = 4  # outlines are traced on objects enlarged by this, so that they run along pixels' edges


def outlines(instances: np.ndarray) -> list[np.ndarray]:
    """(points, 2) float64 x, y in 0..1 of each object's longest outer outline."""
    height, width = instances.shape
    found = []
    for number in np.unique(instances[instances > 0]):
        x, y, w, h = cv2.boundingRect((instances == number).astype(np.uint8))
        mask = (instances[y : y + h, x : x + w] == number).astype(np.uint8)
        mask = cv2.resize(mask, None, fx=FINE, fy=FINE, interpolation=cv2.INTER_NEAREST)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        points = max(contours, key=cv2.contourArea)[:, 0]
        found.append(((points + 0.5) / FINE + (x, y)) / (width, height))
    return found


def export(data: Path, parts: dict[str, list[Labelled]], out: Path) -> Path:
    """Write the parts as YOLO's segmentation labels beside links to the pictures; returns the file that names them."""
    for split, part in parts.items():
        for folder in ("images", "labels"):
            (out / folder / split).mkdir(parents=True)
        for path in (data / split / "images").iterdir():
            (out / "images" / split / path.name).symlink_to(path.resolve())
        for item in part:
            lines = ("0 " + " ".join(f"{value:.6f}" for value in points.ravel()) for points in outlines(item.instances))
            (out / "labels" / split / f"{item.name}.txt").write_text("\n".join(lines), encoding="utf-8")
    spec = {"path": str(out.resolve()), "names": {0: "nucleus"}} | {split: f"images/{split}" for split in parts}
    (out / "data.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    return out / "data.yaml"


def detect(model: YOLO, picture: np.ndarray, *, confidence: float, overlap: float, side: int) -> Any:
    """Ultralytics' answer to an (H, W, 3) uint8 RGB picture."""
    return model.predict(
        picture[..., ::-1],
        imgsz=side,
        conf=confidence,
        iou=overlap,
        max_det=MAX_OBJECTS,
        retina_masks=True,
        device="cpu",
        verbose=False,
    )[0]


def painted(answer: Any, confidence: float) -> np.ndarray:
    """(H, W) uint16: the objects of at least that confidence, the surer ones on top."""
    instances = np.zeros(answer.orig_shape, dtype=np.uint16)
    if answer.masks is None:
        return instances
    sure = answer.boxes.conf.numpy()
    masks = answer.masks.data.numpy().astype(bool)
    for place in np.argsort(sure):
        if sure[place] >= confidence:
            instances[masks[place]] = place + 1
    return instances


def choose_thresholds(model: YOLO, part: list[Labelled], side: int) -> dict[str, float]:
    """Confidence, overlap and side of the best accuracy over IoU 0.5 to 0.95."""
    scores = {}
    for larger, overlap in itertools.product([round(side * factor / 32) * 32 for factor in LARGER], OVERLAPS):
        answers = [
            detect(model, item.picture, confidence=CONFIDENCES[0], overlap=overlap, side=larger) for item in part
        ]
        for confidence in CONFIDENCES:
            counts = sum(
                match_counts(item.instances, painted(answer, confidence))
                for item, answer in zip(part, answers, strict=True)
            )
            scores[confidence, overlap, larger] = float(mean_accuracy(np.asarray(counts)))
    best = max(scores, key=scores.__getitem__)
    return dict(zip(("confidence", "overlap", "side"), best, strict=True)) | {"score": round(scores[best], 4)}


def train(data: Path, run: Path, *, minutes: float, seed: int, side: int, batch: int) -> dict[str, Any]:
    """Train until the minutes are over, the export and the choice of thresholds included."""
    start = time.monotonic()
    parts = {split: read_part(data, split) for split in ("train", "val")}
    spec = export(data, parts, run / "data")
    looks: list[dict[str, float]] = []

    def note(trainer: Any) -> None:
        spent = (time.monotonic() - start) / 60
        score = float(trainer.metrics.get("metrics/mAP50-95(M)", 0.0))
        looks.append({"minute": round(spent, 2), "epoch": trainer.epoch + 1, "score": round(score, 4)})

    model = YOLO("yolo11n-seg.yaml")
    model.add_callback("on_fit_epoch_end", note)
    model.train(
        data=str(spec),
        pretrained=False,
        time=(minutes * 60 * (1 - FOR_THRESHOLDS) - (time.monotonic() - start)) / 3600,
        imgsz=side,
        batch=batch,
        nbs=batch,
        flipud=0.5,
        max_det=MAX_OBJECTS,
        cache="ram",
        workers=2,
        amp=False,
        device="cpu",
        seed=seed,
        plots=False,
        project=str(run.resolve()),
        name="yolo",
    )
    trained = time.monotonic()
    thresholds = choose_thresholds(YOLO(run / "yolo" / "weights" / "best.pt"), parts["val"], side)
    return {
        "train_seconds": round(time.monotonic() - start, 1),
        "threshold_seconds": round(time.monotonic() - trained, 1),
        "steps": looks[-1]["epoch"] * -(-len(parts["train"]) // batch),
        "side": side,
        "batch": batch,
        "validation": looks,
        "thresholds": thresholds,
    }


def predict(run: Path, pictures: Path, out: Path) -> dict[str, Any]:
    """Segment a folder of pictures; returns their number and the seconds."""
    facts = json.loads((run / "training.json").read_text(encoding="utf-8"))
    confidence, overlap, side = (facts["thresholds"][name] for name in ("confidence", "overlap", "side"))
    model = YOLO(run / "yolo" / "weights" / "best.pt")

    def segment(picture: np.ndarray) -> np.ndarray:
        answer = detect(model, picture, confidence=confidence, overlap=overlap, side=side)
        return painted(answer, confidence)

    return predict_files(segment, pictures, out)


if __name__ == "__main__":
    command_line(
        __doc__,
        train,
        predict,
        side=(SIDE, "pictures are brought to this size"),
        batch=(BATCH, "pictures per step"),
    )
