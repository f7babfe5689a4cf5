"""The rival: StarDist's 2D model, trained from scratch in the manner of its example notebook.

In:  the prepared set of nuclei, minutes; or a trained model and a folder of pictures.
Out: RUN/stardist with RUN/training.json; or one 16-bit PNG of object ids per picture and a JSON file with the time.

Default settings of `Config2D` for three channels: grid (2, 2), 32 rays, patches of 256, batches of four. Pictures are
normalised by the percentiles 1 and 99.8 of each channel; augmentation flips, turns, changes intensity and adds noise;
the best weights by validation loss are kept; both thresholds are optimised on val.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from csbdeep.utils import normalize
from stardist import fill_label_holes
from stardist.models import Config2D, StarDist2D

from bench.rivals.nuclei_files import command_line, predict_files, read_part

NAME = "stardist"
FOR_THRESHOLDS = 0.06  # share of the time that is kept for optimising the thresholds


class UntilOver(keras.callbacks.Callback):
    """Ends the training so that one more validation fits into the seconds."""

    def __init__(self, start: float, seconds: float) -> None:
        super().__init__()
        self.start, self.seconds = start, seconds
        self.steps, self.validation_began, self.validation_seconds = 0, 0.0, 0.0
        self.looks: list[dict[str, float]] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.steps += 1
        if time.monotonic() - self.start > self.seconds - self.validation_seconds:
            self.model.stop_training = True

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        self.validation_began = time.monotonic()

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        self.validation_seconds = time.monotonic() - self.validation_began

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        minute = (time.monotonic() - self.start) / 60
        self.looks.append({"minute": round(minute, 2), "step": self.steps, "loss": round(float(logs["val_loss"]), 4)})


def normalised(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 to float32, each channel by its percentiles."""
    return normalize(picture, 1, 99.8, axis=(0, 1))


class Augment:
    """Flip, turn by right angles, change intensity, add noise: what StarDist's notebook on training does."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def __call__(self, picture: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        turns = self._random.integers(4)
        picture, labels = np.rot90(picture, turns), np.rot90(labels, turns)
        if self._random.random() < 0.5:
            picture, labels = picture[:, ::-1], labels[:, ::-1]
        picture = picture * self._random.uniform(0.6, 2) + self._random.uniform(-0.2, 0.2)
        noise = self._random.normal(scale=0.02 * self._random.random(), size=picture.shape)
        return picture + noise, labels


def train(data: Path, run: Path, *, minutes: float, seed: int) -> dict[str, Any]:
    """Train until the minutes are over, the optimising of the thresholds included."""
    start = time.monotonic()
    keras.utils.set_random_seed(seed)
    parts = {split: read_part(data, split) for split in ("train", "val")}
    x = {split: [normalised(item.picture) for item in part] for split, part in parts.items()}
    y = {split: [fill_label_holes(item.instances) for item in part] for split, part in parts.items()}
    config = Config2D(n_channel_in=3, grid=(2, 2), n_rays=32, train_tensorboard=False)
    model = StarDist2D(config, name=NAME, basedir=str(run))
    model.prepare_for_training()
    until_over = UntilOver(start, minutes * 60 * (1 - FOR_THRESHOLDS))
    model.callbacks.append(until_over)
    model.train(x["train"], y["train"], validation_data=(x["val"], y["val"]), augmenter=Augment(seed), seed=seed)
    trained = time.monotonic()
    thresholds = model.optimize_thresholds(x["val"], y["val"])
    return {
        "train_seconds": round(time.monotonic() - start, 1),
        "threshold_seconds": round(time.monotonic() - trained, 1),
        "steps": until_over.steps,
        "validation": until_over.looks,
        "thresholds": {name: round(float(value), 3) for name, value in thresholds.items()},
    }


def predict(run: Path, pictures: Path, out: Path) -> dict[str, Any]:
    """Segment a folder of pictures; returns their number and the seconds."""
    model = StarDist2D(None, name=NAME, basedir=str(run))
    return predict_files(lambda picture: model.predict_instances(normalised(picture))[0], pictures, out)


if __name__ == "__main__":
    command_line(__doc__, train, predict)
