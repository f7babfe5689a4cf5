"""Read label files and configuration files that are text: JSON, YAML, lines.

In:  paths.
Out: parsed content, or an error that names the file and the place in it.

Must not know: any one format, what the content means.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from smalta.errors import DataError

M = TypeVar("M", bound=BaseModel)


def parse_json(path: Path, model: type[M], standard: str) -> M:
    """Content of a JSON file.

    Args:
        path: the file.
        model: what the file must hold.
        standard: the name of the standard that describes the file, for messages.

    Raises:
        DataError: if the file cannot be read or does not fit the model; the message names the place in the file.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(f"{path} does not follow {standard}: {place or 'file'}: {first['msg']}") from error


def plain_yaml(path: Path) -> Mapping[object, object]:
    """Mapping that a YAML file holds; empty if it holds something else or cannot be read."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return content if isinstance(content, Mapping) else {}


def read_text(path: Path) -> str:
    """Text of a UTF-8 file, without a byte order mark.

    Raises:
        DataError: if it cannot be read as text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text: {error}; save it as UTF-8") from error
