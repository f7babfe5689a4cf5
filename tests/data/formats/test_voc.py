"""Pascal VOC: palette masks and lists of names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from small_sets import first, names_at, picture


def voc(root: Path, stem: str, values: Sequence[int], objects: Sequence[int] | None = None) -> None:
    picture(root / f"JPEGImages/{stem}.jpg", (1, len(values)))
    for folder, numbers in (("SegmentationClass", values), ("SegmentationObject", objects)):
        if numbers is not None:
            (root / folder).mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(np.array([numbers], dtype=np.uint8)).convert("P")
            image.putpalette([channel for index in range(256) for channel in (index, 128, 255 - index)])
            image.save(root / folder / f"{stem}.png")


def test_voc_palette_masks_and_lists(tmp_path: Path) -> None:
    voc(tmp_path, "a", [0, 7, 255, 15], [0, 1, 255, 2])
    voc(tmp_path, "b", [0, 1, 1, 1], [0, 1, 1, 1])
    voc(tmp_path, "c", [0, 1, 1, 1], [0, 1, 1, 1])
    picture(tmp_path / "JPEGImages/unlabelled.jpg")
    (tmp_path / "ImageSets/Segmentation").mkdir(parents=True)
    (tmp_path / "ImageSets/Segmentation/train.txt").write_text("a\n")
    (tmp_path / "ImageSets/Segmentation/val.txt").write_text("b\nc\n")
    (tmp_path / "ImageSets/Segmentation/trainval.txt").write_text("a\nb\nc\n")

    data, sample = first(tmp_path)

    assert data.format == "voc"
    assert {split: [e.name for e in members] for split, members in data.splits.items()} == {
        "train": ["a"],
        "val": ["b", "c"],
    }
    assert data.tree.n_leaves == 21
    assert names_at(data, sample, 0) == ["background", "car", "unlabelled", "person"]
    assert sample.instances is not None
    assert sample.instances[0].tolist() == [0, 1, 0, 2]


def test_voc_without_lists_is_dealt_and_own_classes_count(tmp_path: Path) -> None:
    for stem in "abc":
        voc(tmp_path, stem, [0, 1])
    (tmp_path / "classes.txt").write_text("ground\nink\n")

    data, sample = first(tmp_path)

    assert list(data.splits) == ["train", "val", "test"]
    assert names_at(data, sample, 0) == ["ground", "ink"]
    assert sample.instances is None
