from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from small_models import save_random_model
from smalta.description.run_folder import MODEL_FILE
from smalta.exporting import parity as comparing
from smalta.exporting.onnx_graph import trace, with_description
from smalta.exporting.parity import Parity, compare
from smalta.model.storage import load_model
from smalta.model.torch_runtime import TorchRuntime


@pytest.mark.parametrize(
    ("difference", "pixels", "share", "holds"),
    [
        (1e-3, 0.05, 0.999, True),
        (1.1e-3, 0.0, 1.0, False),
        (0.0, 0.06, 1.0, False),
        (0.0, 0.0, 0.998, False),
        (float("nan"), 0.0, 1.0, False),
        (0.0, float("nan"), 1.0, False),
    ],
)
def test_parity_holds_within_its_limits(difference: float, pixels: float, share: float, holds: bool) -> None:
    parity = Parity(runtime="", pictures="", max_difference=difference, max_offset_difference=pixels, equal_share=share)

    assert parity.holds is holds


@pytest.mark.parametrize(("name", "difference", "pixels"), [("center", 0.125, 0.0), ("offsets", 0.0, 0.125)])
def test_answers_in_pixels_are_measured_apart_from_those_without_a_unit(
    name: str, difference: float, pixels: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Off(TorchRuntime):
        """Stands in for a network that the exporter got wrong in one field."""

        def __call__(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
            answers = super().__call__(pictures)
            return answers | {name: answers[name] + 0.125}

    network, info = load_model(save_random_model(tmp_path, objects=True) / MODEL_FILE)
    content = with_description(trace(network, info), info)
    picture = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    monkeypatch.setattr(comparing, "TorchRuntime", Off)

    parity = compare(content, network, info, [picture], "one picture")

    assert parity.max_difference == pytest.approx(difference, abs=1e-4)
    assert parity.max_offset_difference == pytest.approx(pixels, abs=1e-4)
    assert not parity.holds
