"""The ways in which an input can be wrong.

Each message names the value, the rule and the fix. The command line and every other front catch `SmaltaError` only:
any other exception is a defect of smalta and keeps its traceback.
"""


class SmaltaError(Exception):
    """Base of every error that the input causes.

    Example:
        >>> try:
        ...     load("nowhere")
        ... except SmaltaError as error:
        ...     print(error)
        nowhere/model.safetensors does not exist; name a folder that `smalta train --out` made
    """


class ConfigError(SmaltaError, ValueError):
    """A setting, an option or a configuration file holds a value that its rule refuses."""


class ClassTreeError(SmaltaError, ValueError):
    """The class tree, or its file, breaks a rule of trees."""


class DataError(SmaltaError, ValueError):
    """A data set, a picture or a label file cannot be used as it is."""


class ShapeError(SmaltaError, ValueError):
    """An array does not have the shape or the type that its function asks for."""


class ModelError(SmaltaError, ValueError):
    """A model folder or file is missing or broken, or cannot do what it is asked for."""


class TrainingError(SmaltaError, RuntimeError):
    """Training cannot go on with these settings on this data."""
