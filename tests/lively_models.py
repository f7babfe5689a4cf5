"""Models with random weights whose answers differ from pixel to pixel, with objects.

The networks of `small_models` answer nearly the same everywhere: what passes through so many layers fades. Here it is
amplified.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from small_models import save_random_model
from smalta.classes import ClassTree


def save_models(folder: Path, scenes: ClassTree, two: ClassTree) -> None:
    """`folder/scenes` for a tree with things, and `folder/two` for a tree of two classes."""
    for name, tree in {"scenes": scenes, "two": two}.items():
        file = save_random_model(folder / name, tree, objects=name == "scenes") / "model.safetensors"
        with safe_open(file, "numpy") as content:
            metadata = content.metadata()
            tensors = {key: content.get_tensor(key) for key in content.keys()}  # noqa: SIM118
        tensors |= {key: value * np.float32(0.13) for key, value in tensors.items() if key.endswith("running_var")}
        told = json.loads(metadata["smalta"])
        if name == "scenes":
            tensors["objects.1.bias"] = np.array([-1, 0, 0], np.float32)
            tensors["objects.1.weight"] *= np.array([4, 0.3, 0.3], np.float32)[:, None, None, None]
            told["grouping"] |= {"min_thing": 0.3, "min_center": 0.02}
        else:
            told |= {"kind": "binary", "threshold": 0.3}
        save_file(tensors, file, metadata | {"smalta": json.dumps(told)})
