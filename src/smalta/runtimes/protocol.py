"""The interface of a runtime, which runs a network.

In:  nothing.
Out: `Runtime`, `OnnxRuntime`, `Maps`.

Must not know: any one runtime, plans, files.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

Maps = dict[str, np.ndarray]  # by the names of `smalta.answers.fields`


class Runtime(Protocol):
    """Runs a network on a batch of pictures of equal size; any thread may call it."""

    @property
    def stride(self) -> int:
        """Of the maps, pixels."""
        ...

    @property
    def streams(self) -> int:
        """Passes that run side by side; further calls wait."""
        ...

    def maps(self, pictures: np.ndarray, /) -> Maps:
        """Maps of (B, H, W, 3) uint8 pictures, as `smalta.answers.fields` lists them, float32."""
        ...


class OnnxRuntime(Runtime, Protocol):
    """Runs the content of an ONNX file.

    Attributes:
        name: of the library and its version.
    """

    name: str
