"""Where a run's folder keeps its model.

In:  a path that a user gave for a model.
Out: the path of the file.

Must not know: what is in the file.
"""

from __future__ import annotations

from pathlib import Path

MODEL_FILE = "model.safetensors"


def model_file(path: Path) -> Path:
    """The file of a model that is named by a run's folder or by the file itself."""
    return path / MODEL_FILE if path.is_dir() or not path.suffix else path
