"""The rival: smp's Unet with the same encoder and the same ImageNet weights, trained for the same minutes.

In:  a data set that smalta opens, minutes.
Out: a JSON file with the scores of one split, made by the code that scores smalta.

A plain loop in the manner of smp's own examples: float32, channels first, batches of eight crops of 320 (scaled,
flipped, jittered), cross-entropy + Dice, AdamW with a short warm-up and a cosine to the end of the time, the best
checkpoint by validation. A tree's leaves are learnt flat: a label above the leaves says nothing to it. It is told
which classes a flip swaps, and its threshold on a binary set is chosen on the validation part, as smalta's is.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from bench.common import exit_on_error
from smalta.answers.decoding import Decoding, decode
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.dataset import Dataset
from smalta.description.network_config import DEFAULT_ENCODER
from smalta.inference.split_evaluation import evaluate
from smalta.metrics.binary import binary_counts, choose_threshold, f1
from smalta.metrics.hierarchy import level_index
from smalta.metrics.semantic import confusion, counts_of, mean_iou
from smalta.model.encoders import build_encoder

IGNORE = 255
CROP = 320
BATCH = 8
SCALES = (0.6, 1.6)
VALIDATE_AT = (0.4, 0.6, 0.75, 0.9)  # shares of the time; once more at its end


@dataclass(kw_only=True)
class Rival:
    """A network and what it needs to know about its input and its classes."""

    tree: ClassTree
    network: nn.Module
    mean: Tensor
    std: Tensor
    threshold: float | None = None
    counting: None = None
    presence: None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def info(self) -> Rival:
        """What `evaluate` asks of a model: tree and threshold; no intervals of counts, no presence, no facts."""
        return self

    @classmethod
    def fresh(cls, tree: ClassTree) -> Rival:
        """ImageNet weights in the encoder, random ones in smp's decoder."""
        import segmentation_models_pytorch as smp  # here: scoring needs only PyTorch, and so do the tests

        encoder = build_encoder(DEFAULT_ENCODER)
        encoder.load_imagenet_weights()
        network = smp.Unet(f"tu-{DEFAULT_ENCODER}", encoder_weights=None, classes=tree.n_leaves)
        network.encoder.model.load_state_dict(encoder.get_submodule("body").state_dict())
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) * 255 for values in (encoder.mean, encoder.std))
        return cls(tree=tree, network=network, mean=mean, std=std)

    @torch.inference_mode()
    def probabilities(self, picture: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB to (L, H, W) float32 that sum to 1 over the leaves."""
        height, width = picture.shape[:2]
        batch = (torch.tensor(picture).permute(2, 0, 1)[None].float() - self.mean) / self.std
        batch = nn.functional.pad(batch, (0, -width % 32, 0, -height % 32), mode="replicate")
        return self.network.eval()(batch)[0, :, :height, :width].softmax(dim=0).numpy()

    def __call__(self, picture: np.ndarray) -> Segmentation:
        """The best leaf of each pixel; of a two-leaf tree the second one where P reaches the threshold."""
        p = self.probabilities(picture)
        classes = decode(self.tree, p, Decoding(method="leaf"))
        if self.threshold is not None:
            negative, positive = self.tree.leaves
            classes = np.where(p[1] >= self.threshold, positive, negative).astype(np.uint16)
        return Segmentation(tree=self.tree, classes=classes, probabilities=p)

    def validate(self, dataset: Dataset) -> float:
        """Score of the validation part, which picks the best checkpoint: mean IoU, or F1 at the best threshold."""
        place = level_index(self.tree, self.tree.n_levels)
        samples = [dataset.read(entry) for entry in dataset.split("val")]
        truths = [place[sample.classes] for sample in samples]
        answers = [self.probabilities(sample.picture) for sample in samples]
        if self.tree.n_leaves == 2:
            self.threshold = choose_threshold([p[1] for p in answers], truths)
            bar = 0.5 if self.threshold is None else self.threshold
            counts = sum(binary_counts(truth, p[1] >= bar) for truth, p in zip(truths, answers, strict=True))
            return float(f1(np.asarray(counts)))
        maps = (place[decode(self.tree, p, Decoding(method="leaf"))] for p in answers)
        matrix = sum(confusion(t, m, self.tree.n_leaves) for t, m in zip(truths, maps, strict=True))
        return float(mean_iou(counts_of(np.asarray(matrix))))


class Crops:
    """Endless batches of augmented crops from pictures held in memory."""

    def __init__(self, dataset: Dataset, seed: int) -> None:
        tree = dataset.tree
        channel = np.full(len(tree) + 1, IGNORE, dtype=np.uint8)
        channel[list(tree.leaves)] = np.arange(tree.n_leaves)
        self._mirrored = np.append(channel[tree.mirror[list(tree.leaves)]], np.full(IGNORE + 1 - tree.n_leaves, IGNORE))
        samples = [dataset.read(entry) for entry in dataset.split("train")]
        self._pairs = [(sample.picture, channel[sample.classes]) for sample in samples]
        self._random = np.random.default_rng(seed)
        self._jitter = v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """(8, 3, 320, 320) float32 in 0..255 and (8, 320, 320) int64 leaf channels, 255 = no statement."""
        order: list[int] = []
        while True:
            while len(order) < BATCH:
                order += self._random.permutation(len(self._pairs)).tolist()
            chosen, order = order[:BATCH], order[BATCH:]
            pictures, labels = zip(*(self._crop(*self._pairs[index]) for index in chosen), strict=True)
            jittered = torch.stack([self._jitter(torch.from_numpy(p).permute(2, 0, 1)) for p in pictures])
            yield jittered.float(), torch.from_numpy(np.stack(labels)).long()

    def _crop(self, picture: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        side = round(CROP / self._random.uniform(*SCALES))
        missing = [max(side - length, 0) for length in labels.shape]
        borders = missing[0] // 2, missing[0] - missing[0] // 2, missing[1] // 2, missing[1] - missing[1] // 2
        picture = cv2.copyMakeBorder(picture, *borders, cv2.BORDER_CONSTANT, value=(127, 127, 127))
        labels = cv2.copyMakeBorder(labels, *borders, cv2.BORDER_CONSTANT, value=(IGNORE,))
        y, x = (int(self._random.integers(0, length - side + 1)) for length in labels.shape)
        window = np.s_[y : y + side, x : x + side]
        picture = cv2.resize(picture[window], (CROP, CROP), interpolation=cv2.INTER_LINEAR)
        labels = cv2.resize(labels[window], (CROP, CROP), interpolation=cv2.INTER_NEAREST)
        if self._random.random() < 0.5:
            picture, labels = np.ascontiguousarray(picture[:, ::-1]), self._mirrored[labels[:, ::-1]]
        return picture, labels


def train(dataset: Dataset, *, minutes: float, seed: int, learning_rate: float = 1e-3) -> tuple[Rival, dict[str, Any]]:
    """Train until the minutes are over, validation included, and keep the best checkpoint.

    Returns:
        The rival with its best weights, and facts about the run: steps, pictures per second, validation scores.
    """
    import segmentation_models_pytorch as smp

    start = time.monotonic()
    torch.manual_seed(seed)
    rival = Rival.fresh(dataset.tree)
    optimizer = torch.optim.AdamW(rival.network.parameters(), lr=learning_rate, weight_decay=1e-4)
    cross_entropy = nn.CrossEntropyLoss(ignore_index=IGNORE)
    dice = smp.losses.DiceLoss(smp.losses.MULTICLASS_MODE, from_logits=True, ignore_index=IGNORE)
    crops = iter(Crops(dataset, seed))
    scores: list[dict[str, float]] = []
    best: dict[str, Any] = {}
    best_score, best_threshold = -1.0, None
    budget, validation_seconds, step_seconds, in_steps, steps = minutes * 60, 0.0, 0.0, 0.0, 0
    pending = [share * budget for share in VALIDATE_AT]
    while True:
        spent = time.monotonic() - start
        usable = budget - validation_seconds - step_seconds
        over = spent >= usable
        if over or (pending and spent >= pending[0]):
            pending = [moment for moment in pending if moment > spent]
            score = rival.validate(dataset)
            validation_seconds = time.monotonic() - start - spent
            scores.append({"minute": round(spent / 60, 2), "step": steps, "score": round(score, 4)})
            print(f"{spent / 60:6.2f} min  step {steps}  validation {score:.4f}", flush=True)
            if score > best_score:
                best_score, best_threshold = score, rival.threshold
                best = copy.deepcopy(rival.network.state_dict())
        if over:
            break
        before = time.monotonic()
        for group in optimizer.param_groups:
            warm_up = min(1.0, (steps + 1) / 20)
            group["lr"] = learning_rate * warm_up * (0.01 + 0.495 * (1 + math.cos(math.pi * min(spent / usable, 1.0))))
        pictures, labels = next(crops)
        logits = rival.network.train()((pictures - rival.mean) / rival.std)
        loss = cross_entropy(logits, labels) + dice(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
        step_seconds = time.monotonic() - before
        in_steps += step_seconds
    rival.network.load_state_dict(best)
    rival.threshold = best_threshold
    facts = {
        "train_seconds": round(time.monotonic() - start, 1),
        "steps": steps,
        "pictures_per_second": round(BATCH * steps / in_steps, 2),
        "validation": scores,
    }
    return rival, facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--split", default="test", help="the part to score")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--json", type=Path, required=True, help="where the scores go")
    arguments = parser.parse_args()
    dataset = open_dataset(arguments.data)
    rival, facts = train(dataset, minutes=arguments.minutes, seed=arguments.seed, learning_rate=arguments.learning_rate)
    report = evaluate(rival, dataset, arguments.split)
    arguments.json.write_text(json.dumps({"training": facts, "report": report}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    exit_on_error(main)
