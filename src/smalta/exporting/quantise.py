"""Quantise an exported model to 8-bit integers, with NNCF's post-training quantisation.

In:  the graph in float32, pictures like those of its later use.
Out: a graph of standard operators, with QuantizeLinear and DequantizeLinear around convolutions; every runtime runs it.

Must not know: PyTorch, data sets, whether the result is good enough.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import onnx

from smalta.errors import ConfigError, ModelError
from smalta.runtimes.onnx_file import INPUT
from smalta.system.first_use import without_reports

LARGEST_SIDE = 320  # pixels, about a training crop; larger pictures are cropped to their middle
# bilinear resizes stay in float32: OpenVINO is slower at them in 8 bits, and class scores would be rounded
LEFT_ALONE = ["Resize"]
NEEDED = ("nncf", "onnxruntime")


def what_lacks() -> str | None:
    """Which packages for quantisation are not installed, as a sentence; None if all are."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    return f"{' and '.join(missing)} not installed; run `pip install 'smalta[int8]'`" if missing else None


def quantise(graph: onnx.ModelProto, pictures: Sequence[np.ndarray]) -> onnx.ModelProto:
    """The same network with convolutions of 8 bits.

    NNCF runs the pictures to find the ranges of weights and maps, and corrects biases on them.

    Args:
        graph: in float32; it is not changed.
        pictures: (H, W, 3) uint8 RGB, from the training split only.

    Raises:
        ConfigError: if NNCF is not installed, or ONNX Runtime, which NNCF uses.
        ModelError: if NNCF cannot quantise the graph.
    """
    if lacks := what_lacks():
        raise ConfigError(f"precision 'int8' cannot be made: {lacks}")
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    nncf = _nncf()
    calibration = nncf.Dataset([_middle(picture) for picture in pictures], lambda picture: {INPUT: picture[None]})
    try:
        with _silence():
            reduced: onnx.ModelProto = nncf.quantize(
                copy,
                calibration,
                subset_size=len(pictures),
                preset=nncf.QuantizationPreset.MIXED,  # maps after other activations than ReLU have both signs
                ignored_scope=nncf.IgnoredScope(types=LEFT_ALONE),
                advanced_parameters=nncf.AdvancedQuantizationParameters(
                    # NNCF gives the maps before depthwise convolutions a range per channel, which ONNX Runtime refuses
                    activations_quantization_params=_one_range_per_map(nncf),
                ),
            )
    except Exception as error:  # the errors of NNCF and of its libraries share no base class
        raise ModelError(
            f"the model cannot be quantised: {' '.join(str(error).split())[:300]}; export it with --precision fp32"
        ) from error
    return reduced


def _middle(picture: np.ndarray) -> np.ndarray:
    top, left = (max(side - LARGEST_SIDE, 0) // 2 for side in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + LARGEST_SIDE, left : left + LARGEST_SIDE])


def _one_range_per_map(nncf: Any) -> Any:
    return nncf.quantization.advanced_parameters.QuantizationParameters(per_channel=False)


def _nncf() -> Any:
    """NNCF, without its telemetry."""
    with without_reports():
        import nncf
    return nncf


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppress NNCF's log and its progress bars, which it prints even outside a terminal."""
    log = logging.getLogger("nncf")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        log.setLevel(level)
