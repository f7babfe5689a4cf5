"""smalta: segment pictures with a class tree, on an ordinary computer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smalta.version import __version__

if TYPE_CHECKING:
    from smalta.inference.predictor import load

__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """Fetch `load` when it is first asked for, so that `import smalta` stays light."""
    if name == "load":
        from smalta.inference.predictor import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
