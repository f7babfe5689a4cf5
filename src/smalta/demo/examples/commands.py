"""Commands to copy, each below a comment.

In:  commands and words.
Out: text.

Must not know: any one example.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path


def quoted(path: Path) -> str:
    """A path as a shell takes it."""
    return shlex.quote(str(path))


def commands(said: Mapping[str, str]) -> str:
    """For each command a line with `#` and what it does, and below it the command.

    Example:
        >>> print(commands({"smalta count run one.png": "how many", "smalta train mine": "your own"}))
        # how many
        smalta count run one.png
        # your own
        smalta train mine
    """
    return "\n".join(f"# {words}\n{command}" for command, words in said.items())
