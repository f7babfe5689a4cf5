"""Read the model of a run folder, one safetensors file, without PyTorch.

In:  the `model.safetensors` of a run folder.
Out: its content and the description in its header.

Must not know: networks, how the file is written, how the weights are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, deserialize

from smalta.description.model_info import ModelInfo
from smalta.errors import ModelError, SmaltaError
from smalta.system.records import parse_json, shown


def read_weights(path: Path) -> tuple[bytes, ModelInfo]:
    """Read a file that `smalta train` wrote; returns its content and description.

    Raises:
        ModelError: if the file is missing, damaged, not written by smalta, or newer than this program.
    """
    if not path.is_file():
        raise ModelError(f"{path} does not exist; name a folder that `smalta train --out` made")
    try:
        content = path.read_bytes()
        deserialize(content)  # type: ignore[no-untyped-call]  # refuses a damaged file
        described = parse_json(_header(content)["smalta"])
        if not isinstance(described, Mapping):
            raise ModelError(f"its description is {shown(described)}, not a mapping")
    except (OSError, SafetensorError, KeyError, ValueError, SmaltaError) as error:
        raise ModelError(f"{path} is not a model file of smalta, or it is damaged: {error}; train it again") from error
    try:
        return content, ModelInfo.from_dict(described)
    except SmaltaError as error:
        raise ModelError(f"{path} cannot be used: {error}") from error


def _header(content: bytes) -> dict[str, str]:
    """The metadata in the header of a safetensors file: the header's length in 8 bytes, then JSON."""
    length = int.from_bytes(content[:8], "little")
    stated = parse_json(content[8 : 8 + length])
    return dict(stated.get("__metadata__") or {})
