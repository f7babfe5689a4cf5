"""What `import smalta` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import smalta
from smalta.inference import predictor


def test_load_is_at_hand_after_import_smalta() -> None:
    assert smalta.load is predictor.load


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'lod'"):
        smalta.lod  # noqa: B018 - asking is the act


def test_import_smalta_loads_neither_numpy_nor_torch() -> None:
    code = "import sys, smalta; sys.exit(bool({'numpy', 'torch', 'cv2'} & sys.modules.keys()))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
