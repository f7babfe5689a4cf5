"""The state of a run on the disk: a resumed run continues as if it had never stopped.

In:  network, average, optimiser, counters.
Out: `RUN/last.safetensors`, replaced in one step, and its content restored.

Must not know: data, losses, schedules.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from smalta.description.run_folder import STATE_FILE
from smalta.errors import ModelError
from smalta.model.storage import load_tensors, save_tensors


def save_state(
    run: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, counters: Mapping[str, Any]
) -> None:
    """Write the state of a run, whole or not at all.

    Args:
        run: the run's folder.
        network: with its buffers.
        average: the running average of the network's weights.
        optimizer: over the network's parameters.
        counters: plain data to store with it.
    """
    tensors: dict[str, Tensor] = {}
    for part, module in (("network", network), ("average", average)):
        tensors |= {f"{part}/{name}": tensor for name, tensor in module.state_dict().items()}
    for name, parameter in network.named_parameters():
        tensors |= {f"optimizer/{name}/{key}": value for key, value in optimizer.state.get(parameter, {}).items()}
    save_tensors(run / STATE_FILE, tensors, counters)


def add_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Add facts to the description in a model's file, which is replaced in one step.

    Args:
        path: the model.
        facts: plain data; facts of the same names are replaced.
    """
    tensors, header = load_tensors(path)
    save_tensors(path, tensors, header | {"facts": header["facts"] | dict(facts)})


def load_state(run: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Restore a run's state into its parts.

    Returns:
        The counters.

    Raises:
        ModelError: if there is no state, or it belongs to another network.
    """
    tensors, counters = load_tensors(run / STATE_FILE)
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimizer": {}}
    for name, tensor in tensors.items():
        part, _, rest = name.partition("/")
        parts.setdefault(part, {})[rest] = tensor
    try:
        network.load_state_dict(parts["network"])
        average.load_state_dict(parts["average"])
    except RuntimeError as error:
        raise ModelError(f"the state in {run} belongs to another network; train into a new folder") from error
    optimizer.state.clear()
    parameters = dict(network.named_parameters())
    for name, value in parts["optimizer"].items():
        path, _, key = name.rpartition("/")
        parameter = parameters[path]
        # as in PyTorch's own optimisers, moments have the memory layout of their parameter; the step count is a scalar
        placed = torch.empty_like(parameter).copy_(value) if value.dim() else value.to(parameter.device)
        optimizer.state[parameter][key] = placed
    return counters
