"""The version of smalta, stated once."""

__version__ = "0.2.0.dev0"
