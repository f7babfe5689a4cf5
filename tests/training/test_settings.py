from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest
import torch
from hypothesis import given

from hostile import damaged
from smalta.errors import ConfigError, SmaltaError
from smalta.training.settings import TrainSettings


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"device": "gpu"}, "device must be 'auto', 'cpu' or 'cuda', got 'gpu'"),
        ({"crop": 0}, "crop must be a multiple of 32 pixels, got 0"),
        ({"crop": 100}, "crop must be a multiple of 32 pixels, got 100"),
        ({"first_view": 0.0}, "first view must be above 0 and at most 1, got 0.0"),
        ({"first_view": 1.5}, "first view must be above 0 and at most 1, got 1.5"),
        ({"first_view": math.nan}, "first view must be above 0 and at most 1, got nan"),
        ({"augment": "light"}, "augment must be 'usual' or 'none', got 'light'"),
        ({"batch": 0}, "batch must be at least 1"),
        ({"stride": 0}, "stride must be 1, 2 or 4, got 0"),
        ({"stride": 8}, "stride must be 1, 2 or 4, got 8"),
        ({"width": 50}, "width must be a multiple of 12"),
        ({"seed": -1}, "seed must be in 0"),
        ({"seed": 2**63}, "seed must be in 0"),
        ({"learning_rate": 0.0}, "learning rate must be above 0 and finite"),
        ({"learning_rate": math.nan}, "learning rate must be above 0 and finite"),
        ({"learning_rate": math.inf}, "learning rate must be above 0 and finite"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(told: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        TrainSettings(**told)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="PyTorch finds no CUDA device here; use --device cpu"):
        TrainSettings(device="cuda")


def test_settings_survive_their_plain_form_and_refuse_misspelt_keys() -> None:
    settings = TrainSettings(steps=5, encoder="plain", crop=64, seed=7)

    assert TrainSettings.from_dict(settings.to_dict()) == settings
    with pytest.raises(ConfigError, match=r"unknown keys \['croop'\] in the training settings; known keys are"):
        TrainSettings.from_dict({"croop": 64})
    with pytest.raises(ConfigError, match="the entry 'crop' of the training settings is true, not a whole number or"):
        TrainSettings.from_dict({"crop": True})


@given(values=damaged(TrainSettings(steps=3, batch=2, crop=64).to_dict()))
def test_settings_damaged_anywhere_are_read_or_refused_in_words(values: dict[str, Any]) -> None:
    try:
        settings = TrainSettings.from_dict(values)
    except SmaltaError:
        return
    assert TrainSettings.from_dict(settings.to_dict()) == settings


def test_the_defaults_are_read_without_numpy_and_pytorch() -> None:
    code = "import sys, smalta.training.settings; print(sorted({'numpy', 'torch', 'cv2', 'yaml'} & sys.modules.keys()))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
