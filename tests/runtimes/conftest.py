"""What tests of runtimes share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def content(random_file: Path) -> bytes:
    """Content of an exported model with random weights."""
    return random_file.read_bytes()
