"""A trained network in one file: safetensors, with everything else that it needs as JSON in the file's header.

In:  a network and what is known about it.
Out: `model.safetensors`, or the network back. No pickle: reading a file runs none of its content.

Must not know: training, how answers are made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from smalta.classes import ClassTree
from smalta.errors import ModelError, SmaltaError
from smalta.model.network import Network, NetworkConfig

FORMAT_VERSION = 1
MODEL_FILE = "model.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What a network's weights mean.

    Attributes:
        tree: the classes that its channels score.
        network: what it is built from.
        threshold: for a tree of two leaves, the probability from which on a pixel is the second; None for a half.
        facts: how it was trained and what it reached, for people and reports.
    """

    tree: ClassTree
    network: NetworkConfig
    threshold: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The information as plain data."""
        return {
            "format_version": FORMAT_VERSION,
            "tree": self.tree.to_dict(),
            "network": self.network.to_dict(),
            "threshold": self.threshold,
            "facts": dict(self.facts),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelInfo:
        """Build from parsed JSON.

        Raises:
            ModelError: if the format is newer than this program, or a key is missing.
        """
        version = values.get("format_version")
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise ModelError(f"its format version is {version}, this smalta reads up to {FORMAT_VERSION}: update it")
        try:
            tree = ClassTree.from_dict(values["tree"])
            config = NetworkConfig.from_dict(values["network"])
            info = cls(tree=tree, network=config, threshold=values["threshold"], facts=values["facts"])
        except KeyError as error:
            raise ModelError(f"it lacks the entry {error}; train or export it again") from error
        if config != NetworkConfig.for_tree(tree, encoder=config.encoder, stride=config.stride, width=config.width):
            raise ModelError("its class tree and its network do not fit each other; train or export it again")
        return info


def save_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON header as one safetensors file, whole or not at all.

    Args:
        path: the file; it is replaced in one step.
        tensors: by name.
        header: plain data.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file(plain, unfinished, metadata={"smalta": json.dumps(header)})
        os.replace(unfinished, path)
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
            header = json.loads((file.metadata() or {})["smalta"])
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118 - not a mapping
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise ModelError(f"{path} is no model file of smalta, or it is damaged: {error}; train it again") from error


def save_model(path: Path, network_state: Mapping[str, Tensor], info: ModelInfo) -> None:
    """Write a network's weights with what they mean."""
    save_tensors(path, network_state, info.to_dict())


def load_model(path: Path) -> tuple[Network, ModelInfo]:
    """The network of a file, in evaluation mode, with what it means.

    Raises:
        ModelError: if the file is missing, broken, newer than this program, or its weights do not fit its network.
    """
    tensors, header = load_tensors(path)
    try:
        info = ModelInfo.from_dict(header)
        network = Network(info.network)
        network.load_state_dict(tensors)
    except (SmaltaError, RuntimeError) as error:
        raise ModelError(f"{path} cannot be used: {' '.join(str(error).split())[:300]}") from error
    return network.eval().to(memory_format=torch.channels_last), info
