"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("smalta", deadline=None, max_examples=60)  # a busy machine is slow, not wrong
settings.load_profile("smalta")
