"""smalta: segment pictures with a class tree, on an ordinary computer."""

__version__ = "0.1.0"
