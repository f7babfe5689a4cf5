"""The files of a run's folder: the name of each, which module writes it and which modules read it.

    model.safetensors   the best weights and their description: written by training/selection and training/calibrating
                        (through model/storage), read by every command that takes a run
    last.safetensors    the state for --resume: written and read by training/checkpoint
    settings.json       the settings, the recipe, the data set's fingerprint and path: written by training/run_files,
                        read there for --resume, by inference/answer_plan for the usual size of pictures, and by
                        exporting/onnx_export for the data
    classes.yaml        the class tree: written and read by training/run_files
    plan.json           how the machine trains (beside answers: how it answers): written and read by planning/plan_file
    log.jsonl           one event a line: written by training/observer, for people and for bench

In:  a path that a user gave for a model or for a run.
Out: the path of the model's file; the content of settings.json.

Must not know: what models, plans and settings are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smalta.errors import ModelError, SmaltaError
from smalta.system.records import parse_json, shown

MODEL_FILE = "model.safetensors"
STATE_FILE = "last.safetensors"
SETTINGS_FILE = "settings.json"
CLASSES_FILE = "classes.yaml"
PLAN_FILE = "plan.json"
LOG_FILE = "log.jsonl"


def model_file(path: Path) -> Path:
    """The model's file, from a run's folder or from the file itself."""
    return path / MODEL_FILE if path.is_dir() or not path.suffix else path


def read_settings(run: Path) -> Mapping[str, Any]:
    """The content of a run's settings file, as plain data; its values are not checked.

    Raises:
        ModelError: if it cannot be read, or is not a mapping.
    """
    path = run / SETTINGS_FILE
    try:
        content = parse_json(path.read_bytes())
    except (OSError, SmaltaError) as error:
        raise ModelError(f"{path} is damaged ({error}); start a new run in another folder") from error
    if not isinstance(content, Mapping):
        raise ModelError(f"{path} is damaged (it holds {shown(content)}); start a new run in another folder")
    return content
