"""Models with random weights, for tests that need an answer and not a good one."""

from __future__ import annotations

from pathlib import Path

import torch

from smalta.classes import ClassTree
from smalta.description.kinds import Kind
from smalta.description.model_info import ModelInfo
from smalta.description.network_config import NetworkConfig
from smalta.description.run_folder import MODEL_FILE
from smalta.model.decoder import Answer
from smalta.model.network import Network
from smalta.model.storage import save_model

CARS = ClassTree({"sky": {}, "car": {"children": ["audi", "honda"], "attributes": {"body": ["van", "bus"]}}})


def save_random_model(
    folder: Path, tree: ClassTree = CARS, *, encoder: str = "plain", stride: int = 4, objects: bool = False
) -> Path:
    """A run's folder that holds a model and nothing else."""
    torch.manual_seed(0)
    network = Network(NetworkConfig.for_tree(tree, encoder=encoder, stride=stride, width=12, objects=objects))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):  # as after a training, so that folding it has to be right
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.8, 1.6)
                module.bias.normal_(std=0.1)
            if isinstance(module, Answer):
                module.weight.mul_(5)  # probabilities far from equal
    folder.mkdir(parents=True, exist_ok=True)
    kind: Kind = "panoptic" if objects else "semantic"
    info = ModelInfo(tree=tree, network=network.config, kind=kind, facts={"settings": {"seed": 0}})
    save_model(folder / MODEL_FILE, network.state_dict(), info)
    return folder
