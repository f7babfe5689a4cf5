"""Pictures of the gallery are small, and stay sharp where they can."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from bench import gallery

from smalta.errors import DataError


def test_a_picture_is_saved_with_the_best_quality_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gallery, "DOCS", tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (600, 1600, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "noise.png"), noise)
    cv2.imwrite(str(tmp_path / "plain.png"), np.full((40, 60, 3), 200, np.uint8))

    gallery.save(tmp_path / "noise.png", tmp_path / "gallery/noise.jpg")
    gallery.save(tmp_path / "plain.png", tmp_path / "gallery/plain.jpg")

    said = capsys.readouterr().out.splitlines()
    assert (tmp_path / "gallery/noise.jpg").stat().st_size <= gallery.MOST_BYTES
    assert cv2.imread(str(tmp_path / "gallery/noise.jpg")).shape == (480, 1280, 3)
    assert said[1].endswith("quality 90")
    assert not said[0].endswith("quality 90")


def test_a_picture_that_cannot_be_small_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "MOST_BYTES", 1000)
    cv2.imwrite(str(tmp_path / "noise.png"), np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8))

    with pytest.raises(DataError, match="larger than 1,000 bytes"):
        gallery.save(tmp_path / "noise.png", tmp_path / "noise.jpg")
