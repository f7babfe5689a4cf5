"""Open a run's model with PyTorch for inference.

In:  the content of a `model.safetensors`, and what it means; where and how to run it.
Out: a `TorchRuntime`.

Must not know: plans, how answers are made, training.
"""

from __future__ import annotations

from pathlib import Path

import torch

from smalta.description.model_info import ModelInfo, Precision
from smalta.errors import ModelError
from smalta.model.folding import folded
from smalta.model.storage import network_from
from smalta.model.torch_runtime import TorchRuntime
from smalta.runtimes.registry import AUTO, Layout, WantedDevice


def open_weights(
    path: Path,
    content: bytes,
    info: ModelInfo,
    *,
    device: WantedDevice = AUTO,
    precision: Precision | None = None,
    layout: Layout | None = None,
    threads: int | None = None,
) -> TorchRuntime:
    """A network ready for inference.

    Args:
        path: of the file, for errors.
        content: of the file, as `smalta.runtimes.weights_file` read it.
        info: what it means.
        device: where to run; "auto" takes a CUDA device if there is one.
        precision: "fp32" or "bf16"; None for bf16 where the device is fast at it.
        layout, threads: as for `TorchRuntime`.

    Raises:
        ModelError: if "cuda" is requested and there is no CUDA device, or the weights do not fit the network.
    """
    has_cuda = torch.cuda.is_available()
    if device == "cuda" and not has_cuda:
        raise ModelError("device is 'cuda', but PyTorch finds no CUDA device here; use --device cpu")
    return TorchRuntime(
        folded(network_from(path, content, info)),
        info.tree.attributes,
        device=("cuda" if has_cuda else "cpu") if device == "auto" else device,
        bf16=None if precision is None else precision == "bf16",
        layout=layout,
        threads=threads,
    )
