"""Estimate the memory that the outputs of a picture take.

In:  the description of a model, the requested outputs.
Out: bytes per pixel, from measurements.

Must not know: networks, plans.
"""

from __future__ import annotations

from smalta.description.kinds import OBJECT_KINDS
from smalta.description.model_info import ModelInfo
from smalta.planning.candidates import ANSWER_BYTES
from smalta.results.options import OutputOptions
from smalta.results.registry import wanted

FIELD_BYTES = 8  # per probability of a pixel: its field and intermediate arrays
OBJECT_BYTES = 10  # per pixel: the instance map and the fields that it is made of


def answer_bytes(info: ModelInfo, options: OutputOptions) -> int:
    """Bytes per pixel for the results of a picture, including the picture."""
    kind = options.kind or info.kind
    outputs = wanted(kind, options.outputs)
    channels = info.network.n_leaves + info.network.n_attribute_values
    has_objects = kind in OBJECT_KINDS
    from_fields = has_objects or options.decoding.min_confidence or info.tree.inner
    needed = 0
    if from_fields or any(output.needs_probabilities for output in outputs):
        needed = FIELD_BYTES * channels + OBJECT_BYTES * has_objects
    return ANSWER_BYTES + max([needed, *(output.bytes_per_pixel(channels) for output in outputs)])
