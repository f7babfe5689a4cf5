"""How much memory the outputs of a picture take.

In:  what a model is, what is asked for.
Out: bytes per pixel, counted while pictures were answered.

Must not know: networks, plans.
"""

from __future__ import annotations

from smalta.description.kinds import OBJECT_KINDS
from smalta.description.model_info import ModelInfo
from smalta.planning.candidates import ANSWER_BYTES
from smalta.results.options import OutputOptions
from smalta.results.registry import wanted

FIELD_BYTES = 8  # for each probability of a pixel: its field, and what is made on the way
OBJECT_BYTES = 10  # for the instance map, and what it is made of


def answer_bytes(info: ModelInfo, options: OutputOptions) -> int:
    """Bytes per pixel of what is made of a picture, the picture itself included."""
    kind = options.kind or info.kind
    outputs = wanted(kind, options.outputs)
    channels = info.network.n_leaves + info.network.n_attribute_values
    has_objects = kind in OBJECT_KINDS
    from_fields = has_objects or options.decoding.min_confidence or info.tree.inner
    needed = 0
    if from_fields or any(output.needs_probabilities for output in outputs):
        needed = FIELD_BYTES * channels + OBJECT_BYTES * has_objects
    return ANSWER_BYTES + max([needed, *(output.bytes_per_pixel(channels) for output in outputs)])
