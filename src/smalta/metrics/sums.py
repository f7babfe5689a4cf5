"""Add up the sums of clips.

In:  two records of sums.
Out: one record.

Pure Python. Must not know: what is summed.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Sums = TypeVar("Sums", bound=DataclassInstance)


def added(one: Sums, other: Sums) -> Sums:
    """Two dataclass records of one kind, added field by field."""
    return replace(one, **{entry.name: getattr(one, entry.name) + getattr(other, entry.name) for entry in fields(one)})
