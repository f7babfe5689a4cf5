"""Read a network that can be trained from any model file: a run's folder or an exported ONNX file.

In:  a path.
Out: `StoredNetwork`.

An exported file has no batch normalisation: it is folded into the convolutions. `read_network` gives it back as a step
that changes nothing but adds the bias: mean 0, variance 1 - epsilon, factor 1. That answers as the file does, in
evaluation mode. `smalta.training.statistics` finds the statistics that training mode needs.

Must not know: training, class trees, how answers are made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from smalta.description.model_info import ModelInfo
from smalta.description.run_folder import model_file
from smalta.errors import ModelError
from smalta.model.folding import normalised
from smalta.model.network import Network
from smalta.model.storage import network_from
from smalta.runtimes.onnx_file import read_onnx
from smalta.runtimes.onnx_weights import weights_of
from smalta.runtimes.weights_file import read_weights

UNUSED = "num_batches_tracked"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNetwork:
    """A network as a file holds it.

    Attributes:
        network: in evaluation mode, on the CPU.
        info: its description.
        digest: SHA-256 of the file.
        unmeasured: paths of convolutions and of the normalisation after each, whose statistics the file lacks.
    """

    network: Network
    info: ModelInfo
    digest: str
    unmeasured: tuple[tuple[str, str], ...] = ()


def read_network(path: Path) -> StoredNetwork:
    """The network of a model.

    Args:
        path: a run's folder, the `model.safetensors` in it, or a `.onnx` file that `smalta export` wrote.

    Raises:
        ModelError: if the model is missing, damaged, unsafe, not written by smalta, or newer than this program; if it
            is an exported file whose weights cannot be assigned to the network.
    """
    if path.suffix == ".onnx":
        content, info = read_onnx(path)
        network = Network(info.network).eval()
        unmeasured = _fill(network, weights_of(content), path)
    else:
        file = model_file(path)
        content, info = read_weights(file)
        network, unmeasured = network_from(file, content, info), ()
    digest = hashlib.sha256(content).hexdigest()
    return StoredNetwork(network=network, info=info, digest=digest, unmeasured=unmeasured)


def _fill(network: Network, found: Mapping[str, np.ndarray], path: Path) -> tuple[tuple[str, str], ...]:
    """Load an exported file's weights; returns the convolutions into which normalisation was folded, with it."""
    paths = {module: name for name, module in network.named_modules()}
    folded = [
        (paths[conv], paths[norm])
        for conv, norm in normalised(network)
        if f"{paths[conv]}.weight" in found and f"{paths[norm]}.running_mean" not in found
    ]
    state: dict[str, Tensor] = {name: torch.from_numpy(np.array(values)) for name, values in found.items()}
    for conv, norm in folded:
        state |= _plain_norm(network.get_submodule(norm), norm, state.pop(f"{conv}.bias", None))
        if cast(nn.Conv2d, network.get_submodule(conv)).bias is not None:
            state[f"{conv}.bias"] = torch.zeros_like(state[f"{norm}.bias"])
    own = network.state_dict()
    needed = [name for name in own if not name.endswith(UNUSED)]
    if lacking := [name for name in needed if name not in state]:
        raise ModelError(
            f"{path} does not name all weights of its encoder {network.config.encoder!r} ({lacking[0]} and "
            f"{len(lacking) - 1} more are missing); start from the folder of its run, or export it again"
        )
    if wrong := [name for name in needed if state[name].shape != own[name].shape]:
        raise ModelError(f"{path} does not fit its network: {wrong[0]} has another shape; export it again")
    network.load_state_dict({name: state[name] for name in needed}, strict=False)
    return tuple(folded)


def _plain_norm(module: nn.Module, name: str, bias: Tensor | None) -> dict[str, Tensor]:
    """The state of a normalisation that only adds a bias, up to rounding."""
    norm = cast(nn.BatchNorm2d, module)
    zeros = torch.zeros(norm.num_features)
    return {
        f"{name}.running_mean": zeros,
        f"{name}.running_var": zeros + (1 - norm.eps),
        f"{name}.weight": zeros + 1,
        f"{name}.bias": zeros if bias is None else bias,
    }
