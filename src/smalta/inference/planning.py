"""Find the work that a trained model does.

In:  a run's folder or an exported model, the size of the pictures.
Out: `Work`, for which a plan can be made.

Must not know: training, machines, how a plan is chosen or shown.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

from smalta.errors import ModelError, SmaltaError
from smalta.inference.runtimes import examine
from smalta.model.info import ModelInfo
from smalta.plan.candidates import Work
from smalta.plan.workload import work_of_model, work_of_network

MODEL_FILE = "model.safetensors"
USUAL_HW = (512, 512)  # pixels, where nothing tells the size of the pictures


def is_model(path: Path) -> bool:
    """Whether a path is a run's folder or a model's file, and not a data set."""
    return path.suffix in (".onnx", ".safetensors") or (path / MODEL_FILE).is_file()


def answering_work(path: Path, size_hw: tuple[int, int] | None = None) -> Work:
    """The work of answering for one picture.

    Args:
        path: a run's folder, the `model.safetensors` in it, or a `.onnx` file of `smalta export`.
        size_hw: of the picture, pixels; None for the median of those that it was trained on.

    Raises:
        ModelError: if there is no such model, or it is damaged, or a run's work is to be found without PyTorch.
    """
    if path.suffix == ".onnx":
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error}") from error
        return work_of_model(content, examine(content), size_hw or _usual(path.parent))
    run = path if path.is_dir() else path.parent
    info = _info(path / MODEL_FILE if path.is_dir() else path)
    return work_of_network(info.network, size_hw or _usual(run), "inference")


def _info(path: Path) -> ModelInfo:
    try:
        with safe_open(path, framework="np") as file:
            return ModelInfo.from_dict(json.loads((file.metadata() or {})["smalta"]))
    except (OSError, SafetensorError, KeyError, ValueError, SmaltaError) as error:
        raise ModelError(f"{path} is no model of smalta, or it is damaged: {error}") from error


def _usual(run: Path) -> tuple[int, int]:
    """Median height and width of the pictures that a run was trained on."""
    try:
        facts = json.loads((run / "settings.json").read_text(encoding="utf-8"))["fingerprint"]
        return int(facts["height"][1]), int(facts["width"][1])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return USUAL_HW
