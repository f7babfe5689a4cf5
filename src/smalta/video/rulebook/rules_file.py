"""Read a YAML file that a user wrote: repeated keys are refused, and no file takes long.

In:  a file.
Out: plain data, or one sentence about what is wrong.

Must not know: what the file means.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from smalta.errors import ConfigError
from smalta.system.records import shown

MOST_BYTES = 128 * 1024  # about a thousand zones
MOST_REASON = 240  # characters of the parser's words in a sentence


class _StrictLoader(yaml.SafeLoader):
    """YAML without repeated keys, which the standard loader drops silently, and without merged mappings.

    Merged mappings (`<<`) that name each other double in size with each level.
    """


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> Any:
    seen: set[object] = set()
    for key_node, _ in node.value:
        line = key_node.start_mark.line + 1
        if key_node.tag == "tag:yaml.org,2002:merge":
            raise ConfigError(f"line {line} merges a mapping with '<<', which rules do not allow; write its keys out")
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError(f"line {line} has a list or a mapping as a key; keys are names")
        key = loader.construct_object(key_node)
        if key in seen:
            raise ConfigError(f"{shown(key)} occurs twice in one mapping (line {line}); names must differ")
        seen.add(key)
    return loader.construct_yaml_map(node)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: str | Path) -> Any:
    """The parsed content of a file.

    Args:
        path: of a YAML file of at most `MOST_BYTES`.

    Raises:
        ConfigError: if it cannot be read, is too large, is no YAML, or has a key twice in one mapping.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ConfigError(f"{path} is larger than {MOST_BYTES // 1024} KiB, the most that a file of rules may have")
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as text: {_reason(error)}") from error
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: text that looks like a date, 2020-13-40
        raise ConfigError(f"{path} is not valid YAML: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words[:MOST_REASON] + ("..." if len(words) > MOST_REASON else "")
