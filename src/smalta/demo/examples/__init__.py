"""Examples of what smalta is for, each on pictures that are made by code.

In:  nothing.
Out: `EXAMPLES` by name.

Must not know: how examples are run.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from smalta.demo.examples.cells import CELLS
from smalta.demo.examples.example import Example

__all__ = ["EXAMPLES", "Example"]

EXAMPLES: Mapping[str, Example] = MappingProxyType({example.name: example for example in (CELLS,)})
