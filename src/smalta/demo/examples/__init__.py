"""Examples of what smalta is for, each on pictures that are made by code.

In:  nothing.
Out: `EXAMPLES` by name.

Must not know: how examples are run.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from smalta.demo.examples.cells import CELLS
from smalta.demo.examples.cracks import CRACKS
from smalta.demo.examples.document import DOCUMENT
from smalta.demo.examples.drive import DRIVE
from smalta.demo.examples.example import Example
from smalta.demo.examples.parking import PARKING
from smalta.demo.examples.shop import SHOP
from smalta.demo.examples.street import STREET
from smalta.demo.examples.text import TEXT

__all__ = ["EXAMPLES", "Example"]

_ALL = (TEXT, CRACKS, DOCUMENT, PARKING, DRIVE, SHOP, CELLS, STREET)
EXAMPLES: Mapping[str, Example] = MappingProxyType({example.name: example for example in _ALL})
