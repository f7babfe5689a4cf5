"""Small labelled data sets on the disk, right ones and broken ones, for the tests of the doctor.

Pictures show a bright disc on a dark, textured ground; the mask marks the disc. Every picture has a texture and a
disc of its own, so that no two look alike.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from smalta.data.check import Report, check

SIDE_HW = (72, 96)


def picture_and_mask(seed: int, value: int = 1, size_hw: tuple[int, int] = SIDE_HW) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 and (H, W) uint8: a disc of `value` on 0."""
    rng = np.random.default_rng(seed)
    height, width = size_hw
    mask = np.zeros(size_hw, dtype=np.uint8)
    centre_xy = (int(rng.integers(width // 4, 3 * width // 4)), int(rng.integers(height // 4, 3 * height // 4)))
    cv2.circle(mask, centre_xy, int(rng.integers(8, min(size_hw) // 4)), value, thickness=-1)
    coarse = rng.uniform(20, 110, (height // 12, width // 12, 3)).astype(np.float32)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) + rng.normal(0, 3, (*size_hw, 3))
    picture[mask > 0] += 110
    return np.clip(picture, 0, 255).astype(np.uint8), mask


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """Write an array (RGB or one channel) by the suffix of the path, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


def write_set(root: Path, n_train: int = 4, n_val: int = 2, *, value: int = 1, classes: str | None = None) -> Path:
    """A clean binary data set with 0 and `value`; `classes` is the text of classes.yaml."""
    for split, seeds in {"train": range(n_train), "val": range(100, 100 + n_val)}.items():
        for seed in seeds:
            picture, mask = picture_and_mask(seed, value)
            write_picture(root / split / "images" / f"p{seed}.png", picture)
            write_picture(root / split / "masks" / f"p{seed}.png", mask)
    text = classes or f"classes: {{ground: {{ids: [0]}}, disc: {{ids: [{value}]}}}}"
    (root / "classes.yaml").write_text(text, encoding="utf-8")
    return root


def found(report: Report) -> dict[str, str]:
    """Level by rule."""
    return {finding.rule: finding.level for finding in report.findings}


def rules_of(root: Path) -> dict[str, str]:
    """Level by rule of what the doctor finds in a folder."""
    return found(check(root))


def files_of(root: Path, rule: str) -> tuple[str, ...]:
    """Files that the finding of a rule names."""
    return next(finding.files for finding in check(root).findings if finding.rule == rule)
