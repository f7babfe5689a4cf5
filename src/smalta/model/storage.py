"""A trained network in one file: safetensors, with everything else that it needs as JSON in the file's header.

In:  a network and its description.
Out: `model.safetensors`, or the network back. No pickle: reading a file never executes its content.

Must not know: training, how answers are made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save_file
from torch import Tensor

from smalta.description.model_info import ModelInfo
from smalta.errors import ModelError, SmaltaError
from smalta.model.network import Network
from smalta.runtimes.weights_file import read_weights
from smalta.system.records import parse_json


def save_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON header as one safetensors file, whole or not at all.

    Args:
        path: the file; it is replaced in one step.
        tensors: by name.
        header: plain data.

    Raises:
        ModelError: if the file cannot be written.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        unfinished.touch()
        mode = unfinished.stat().st_mode  # this user's usual mode; files of save_file are readable by the owner only
        save_file(plain, unfinished, metadata={"smalta": json.dumps(header)})
        unfinished.chmod(mode)
        os.replace(unfinished, path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be written: {error}; free some space, or name another folder") from error
    finally:
        unfinished.unlink(missing_ok=True)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and header of a file that `save_tensors` wrote.

    Raises:
        ModelError: if the file is missing, broken, or not smalta's.
    """
    if not path.is_file():
        raise ModelError(f"{path} does not exist; name a folder that `smalta train --out` made")
    try:
        with safe_open(path, framework="pt") as file:
            header = parse_json((file.metadata() or {})["smalta"])
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118 - not a mapping
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise ModelError(f"{path} is not a model file of smalta, or it is damaged: {error}; train it again") from error


def save_model(path: Path, network_state: Mapping[str, Tensor], info: ModelInfo) -> None:
    """Write a network's weights with their description."""
    save_tensors(path, network_state, info.to_dict())


def load_model(path: Path) -> tuple[Network, ModelInfo]:
    """The network of a file, in evaluation mode, with its description.

    Raises:
        ModelError: if the file is missing, broken, newer than this program, or its weights do not fit its network.
    """
    content, info = read_weights(path)
    return network_from(path, content, info), info


def network_from(path: Path, content: bytes, info: ModelInfo) -> Network:
    """The network of a file that was read already, in evaluation mode.

    Args:
        path: of the file, for errors.
        content: of the file.
        info: what it means.

    Raises:
        ModelError: if the weights do not fit the network.
    """
    try:
        network = Network(info.network)
        network.load_state_dict(load(content))
    except (SmaltaError, RuntimeError, KeyError) as error:  # KeyError: a number type that PyTorch lacks
        raise ModelError(f"{path} cannot be used: {' '.join(str(error).split())[:300]}") from error
    return network.eval().to(memory_format=torch.channels_last)
