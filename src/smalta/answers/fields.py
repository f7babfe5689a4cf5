"""The names of what a network answers with for a batch of B pictures (H, W), float32 arrays by name.

- "semantic": (B, L, H, W) probabilities of the class tree's leaves; they sum to 1 over L.
- "attribute:NAME": (B, V, H, W) probabilities of an attribute's values; they sum to 1 over V.
- "center": (B, 1, h, w) in 0..1, high near the middle of objects, at the network's stride: h = ceil(H / stride).
- "offsets": (B, 2, h, w) pixels (dy, dx) from a cell to its object's centre.

The last two are there where the network has heads for objects. An exported model's outputs bear the same names.

A runtime gives less: maps at the network's stride. `smalta.answers.upscaling` makes fields of them. (h, w) are at
least (ceil(H / stride), ceil(W / stride)).

- "logits": (B, L, h, w) of the leaves, before the softmax.
- "attribute_logits": (B, V, h, w) of the values of all attributes, one after the other, where there are any.
- "center" and "offsets", as above.
"""

from __future__ import annotations

SEMANTIC, CENTER, OFFSETS = "semantic", "center", "offsets"
LOGITS, VALUE_LOGITS = "logits", "attribute_logits"


def attribute_field(name: str) -> str:
    """Name of the field for an attribute; the prefix keeps it apart from all other names."""
    return f"attribute:{name}"
