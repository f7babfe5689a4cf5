"""What all tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

from smalta.classes import ClassTree
from trees import STREET

settings.register_profile("smalta", deadline=None, max_examples=60)  # a busy machine is slow, not wrong
settings.load_profile("smalta")


@pytest.fixture
def street() -> ClassTree:
    """Sky, vehicles three levels deep, a person."""
    return ClassTree(STREET)
