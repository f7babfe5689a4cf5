"""Time the best candidates of a plan for real, and see whether they answer alike.

In:  a model, ways to run it, the size of a picture.
Out: seconds per picture by candidate, and where answers differ too much a sentence instead.

Must not know: how candidates are chosen, training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from smalta.errors import ModelError
from smalta.inference.runtimes import examine
from smalta.plan.candidates import Candidate
from smalta.plan.cost import Way
from smalta.signal_stack import kept_signal_stack

SECONDS, LEAST = 1.0, 3  # of the repeats
LEAST_EQUAL = 0.99  # share of pixels that must get the same class as with the first candidate

Pass = Callable[[np.ndarray], list[np.ndarray]]  # (1, H, W, 3) uint8 -> scores (1, L, h, w), one for each stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came out.

    Attributes:
        seconds: per picture, while all streams work; by name of the candidate, of those that may be chosen.
        notes: why a candidate may not be chosen.
    """

    seconds: dict[str, float]
    notes: tuple[str, ...] = ()


def try_out(model: Path, candidates: Sequence[Candidate], size_hw: tuple[int, int]) -> Trial:
    """Run each candidate on one made-up picture for about a second.

    Args:
        model: a run's folder or its `model.safetensors`, or a `.onnx` file.
        candidates: to compare; the others must answer as the first does.
        size_hw: of the picture, pixels; a candidate with tiles gets a tile.

    Raises:
        ModelError: if the model cannot be run.
    """
    seconds: dict[str, float] = {}
    notes: list[str] = []
    reference: np.ndarray | None = None
    probe = _picture(min(size_hw[0], 512), min(size_hw[1], 512))
    for one in candidates:
        run = _open(model, one.way)
        classes = run(probe)[0].argmax(axis=1)
        reference = classes if reference is None else reference
        equal = float((classes == reference).mean())
        if equal < LEAST_EQUAL:
            notes.append(f"{one.name} gives {1 - equal:.1%} of the pixels another class, so it is not taken")
            continue
        picture = np.repeat(_picture(*(one.tile_hw or size_hw)), one.batch, axis=0)
        seconds[one.name] = _median(run, picture) * one.passes / (one.batch * one.way.streams)
    return Trial(seconds=seconds, notes=tuple(notes))


def _median(run: Pass, picture: np.ndarray) -> float:
    """Median seconds of a call, after one that does not count."""
    run(picture)
    found: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(found) < LEAST or time.perf_counter() < end:
        started = time.perf_counter()
        run(picture)
        found.append(time.perf_counter() - started)
    return float(np.median(found))


def _picture(height: int, width: int) -> np.ndarray:
    """(1, H, W, 3) uint8 of soft blobs: noise alone would leave every pixel undecided between classes."""
    coarse = np.random.default_rng(0).integers(0, 256, (max(height // 32, 2), max(width // 32, 2), 3), np.uint8)
    return np.ascontiguousarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)[None])


def _open(model: Path, way: Way) -> Pass:
    if way.runtime == "pytorch":
        return _pytorch(model, way)
    content = model.read_bytes()
    examine(content)
    try:
        return _openvino(content, way) if way.runtime == "openvino" else _onnxruntime(content, way)
    except ImportError as error:
        raise ModelError(f"{way.runtime} is not installed; leave --measure away, or install it") from error


def _pytorch(model: Path, way: Way) -> Pass:
    import torch

    from smalta.model.storage import MODEL_FILE, load_model

    network, _ = load_model(model / MODEL_FILE if model.is_dir() else model)
    layout = torch.channels_last if way.layout == "channels_last" else torch.contiguous_format
    device = torch.device(way.device)
    network = network.to(device).to(memory_format=layout)

    def run(pictures: np.ndarray) -> list[np.ndarray]:
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=way.precision == "bf16"):
            height, width = (-(-side // 32) * 32 for side in pictures.shape[1:3])
            padded = np.pad(pictures, ((0, 0), (0, height - pictures.shape[1]), (0, width - pictures.shape[2]), (0, 0)))
            batch = torch.from_numpy(padded).permute(0, 3, 1, 2).to(device).contiguous(memory_format=layout)
            return [network(batch)["semantic"].float().cpu().numpy()]

    return run


def _openvino(content: bytes, way: Way) -> Pass:
    import openvino

    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if way.precision == "bf16" else "f32",
        "NUM_STREAMS": way.streams,
        "INFERENCE_NUM_THREADS": way.streams * way.threads,
    }
    core = openvino.Core()
    with kept_signal_stack():
        compiled = core.compile_model(core.read_model(content), "CPU", options)
    requests = [compiled.create_infer_request() for _ in range(way.streams)]

    def run(pictures: np.ndarray) -> list[np.ndarray]:
        for request in requests:
            request.start_async({0: pictures}, share_inputs=True)
        for request in requests:
            request.wait()
        return [request.get_output_tensor(0).data for request in requests]

    return run


def _onnxruntime(content: bytes, way: Way) -> Pass:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = way.threads
    session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pictures: [session.run(None, {name: pictures})[0]]
