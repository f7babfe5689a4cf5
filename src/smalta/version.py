"""The version of smalta, stated once."""

__version__ = "0.1.0"
