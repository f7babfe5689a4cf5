"""All encoders by name. A new one is a module and its entry in `OWN`; those of timm need none.

In:  the name of a timm model, or one of `OWN`.
Out: an `Encoder` with random weights.

Must not know: class trees, decoders, training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from smalta.model.encoder import Encoder
from smalta.model.plain_encoder import PlainEncoder
from smalta.model.timm_encoder import TimmEncoder

OWN: Mapping[str, Callable[[], Encoder]] = {
    "plain": PlainEncoder,
}


def build_encoder(name: str) -> Encoder:
    """An encoder with random weights.

    Raises:
        ModelError: if timm knows no such model, or it has no usable feature maps.
    """
    return OWN[name]() if name in OWN else TimmEncoder(name)
