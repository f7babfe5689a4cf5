"""Read a run's model, one safetensors file, without PyTorch: its content, and what it means.

In:  the `model.safetensors` of a run's folder.
Out: its content and the description in its header.

Must not know: networks, how the file is written, what is made of the weights.
"""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, deserialize

from smalta.description.model_info import ModelInfo
from smalta.errors import ModelError, SmaltaError
from smalta.system.records import parse_json


def read_weights(path: Path) -> tuple[bytes, ModelInfo]:
    """The content of a file that `smalta train` wrote, and what it means.

    Raises:
        ModelError: if the file is missing, damaged, not smalta's or newer than this program.
    """
    if not path.is_file():
        raise ModelError(f"{path} does not exist; name a folder that `smalta train --out` made")
    try:
        content = path.read_bytes()
        deserialize(content)  # type: ignore[no-untyped-call]  # refuses what is not whole
        return content, ModelInfo.from_dict(parse_json(_header(content)["smalta"]))
    except (OSError, SafetensorError, KeyError, ValueError, SmaltaError) as error:
        raise ModelError(f"{path} is no model of smalta, or it is damaged: {error}") from error


def _header(content: bytes) -> dict[str, str]:
    """What a whole safetensors file says beside its arrays: its length in 8 bytes, then JSON."""
    length = int.from_bytes(content[:8], "little")
    stated = parse_json(content[8 : 8 + length])
    return dict(stated.get("__metadata__") or {})
