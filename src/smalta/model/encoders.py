"""All encoders by name. A new one is a module and an entry in `OWN`; timm's encoders need no entry.

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
        ModelError: if timm has no such model, or the model has no usable feature maps.
    """
    return OWN[name]() if name in OWN else TimmEncoder(name)
