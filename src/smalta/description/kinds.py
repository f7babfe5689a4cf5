"""The four kinds of answers.

In:  nothing.
Out: their names.

Must not know: anything else, so that the command line can import it quickly.
"""

from __future__ import annotations

from typing import Literal, get_args

Kind = Literal["binary", "semantic", "instance", "panoptic"]
KINDS: tuple[Kind, ...] = get_args(Kind)
OBJECT_KINDS: tuple[Kind, ...] = ("instance", "panoptic")
