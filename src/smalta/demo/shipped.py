"""The small model of generated scenes that the package ships.

    scenes.onnx                 the model: street and parking scenes, weights of 8 bits
    scenes.json                 its card: licence, how it was made, digest, scores on unseen scenes
    scenes.encoder-licence.txt  licence of the encoder's initial weights

`python -m bench.shipped_model` makes all three.

In:  nothing.
Out: the path of the model, after a check of its digest; its card.

Must not know: how the model is made or used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smalta.errors import ModelError, SmaltaError
from smalta.system.records import parse_json

FOLDER = Path(__file__).parent
MODEL, CARD, ENCODER_LICENCE = "scenes.onnx", "scenes.json", "scenes.encoder-licence.txt"
AGAIN = "install smalta again"


def shipped_model(folder: Path = FOLDER) -> Path:
    """The path of the model of generated scenes.

    Args:
        folder: of the model and its card; the package's by default.

    Raises:
        ModelError: if the model or its card is missing or damaged.
    """
    path, card = folder / MODEL, model_card(folder)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error}); {AGAIN}") from error
    if digest != card["sha256"]:
        raise ModelError(
            f"{path} is damaged: its SHA-256 digest is {digest[:12]}..., but {CARD} states {card['sha256'][:12]}...; "
            f"{AGAIN}"
        )
    return path


def model_card(folder: Path = FOLDER) -> Mapping[str, Any]:
    """The card of the model: "licence", "encoder", "made", "sha256", "bytes" and "scores".

    Raises:
        ModelError: if it is missing or damaged.
    """
    path = folder / CARD
    try:
        card = parse_json(path.read_bytes())
    except (OSError, SmaltaError) as error:
        raise ModelError(f"{path} cannot be read ({error}); {AGAIN}") from error
    if not isinstance(card, Mapping) or not isinstance(card.get("sha256"), str):
        raise ModelError(f"{path} is damaged: it states no SHA-256 digest; {AGAIN}")
    return card
