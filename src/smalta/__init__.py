"""smalta: segment pictures with a class tree, on an ordinary computer.

The names below are the public API. They are stable: a change to one of them is a line in CHANGELOG.md. Other modules
may change with any version. A name is imported when it is first used, so `import smalta` is fast. Only `train` and
`export` need PyTorch, and `load` for a run's folder.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smalta.version import __version__

if TYPE_CHECKING:
    from smalta.answers.objects import Objects
    from smalta.answers.presence import NodePresence, Presence
    from smalta.answers.segmentation import Segmentation
    from smalta.api.answering import Predicted, count, predict
    from smalta.api.data_sets import convert
    from smalta.api.judging import evaluate
    from smalta.api.paces import plan_video
    from smalta.api.plans import plan
    from smalta.api.watching import watch
    from smalta.classes import Attribute, ClassTree, Node
    from smalta.data.any_format import open_dataset
    from smalta.data.check import Report, check
    from smalta.data.checks.finding import Finding
    from smalta.data.contact_sheet import contact_sheet
    from smalta.data.convert import Converted
    from smalta.data.dataset import Dataset
    from smalta.data.sample import Entry, Sample
    from smalta.errors import ClassTreeError, ConfigError, DataError, ModelError, ShapeError, SmaltaError, TrainingError
    from smalta.exporting.onnx_export import Exported, export
    from smalta.inference.answering import Outcome
    from smalta.inference.counting import CountTable, NodeCount
    from smalta.inference.predictor import Predictor, load
    from smalta.pictures.finding import find_pictures
    from smalta.pictures.overlay import overlay
    from smalta.pictures.reading import read_picture
    from smalta.planning.machine import Machine, this_machine
    from smalta.planning.plan import Plan
    from smalta.scenes import write_scenes
    from smalta.training.settings import TrainSettings
    from smalta.training.train import TrainResult, train
    from smalta.verdicts.rules import Rules, Verdict
    from smalta.video.intervals import watch_check
    from smalta.video.picking import write_frames
    from smalta.video.replay import Replay, replay
    from smalta.video.rules import WatchRules
    from smalta.video.still import write_still
    from smalta.video.watch_job import Watched

# name -> module
_PUBLIC = {
    # what to call
    "open_dataset": "smalta.data.any_format",
    "check": "smalta.data.check",
    "convert": "smalta.api.data_sets",
    "contact_sheet": "smalta.data.contact_sheet",
    "write_scenes": "smalta.scenes",
    "train": "smalta.training.train",
    "load": "smalta.inference.predictor",
    "predict": "smalta.api.answering",
    "count": "smalta.api.answering",
    "evaluate": "smalta.api.judging",
    "export": "smalta.exporting.onnx_export",
    "plan": "smalta.api.plans",
    "watch": "smalta.api.watching",
    "plan_video": "smalta.api.paces",
    "replay": "smalta.video.replay",
    "watch_check": "smalta.video.intervals",
    "write_frames": "smalta.video.picking",
    "write_still": "smalta.video.still",
    "this_machine": "smalta.planning.machine",
    "find_pictures": "smalta.pictures.finding",
    "read_picture": "smalta.pictures.reading",
    "overlay": "smalta.pictures.overlay",
    # what these take and give
    "ClassTree": "smalta.classes",
    "Node": "smalta.classes",
    "Attribute": "smalta.classes",
    "Dataset": "smalta.data.dataset",
    "Entry": "smalta.data.sample",
    "Sample": "smalta.data.sample",
    "Report": "smalta.data.check",
    "Finding": "smalta.data.checks.finding",
    "Converted": "smalta.data.convert",
    "TrainSettings": "smalta.training.settings",
    "TrainResult": "smalta.training.train",
    "Predictor": "smalta.inference.predictor",
    "Segmentation": "smalta.answers.segmentation",
    "Objects": "smalta.answers.objects",
    "Presence": "smalta.answers.presence",
    "NodePresence": "smalta.answers.presence",
    "Rules": "smalta.verdicts.rules",
    "Verdict": "smalta.verdicts.rules",
    "Predicted": "smalta.api.answering",
    "Outcome": "smalta.inference.answering",
    "CountTable": "smalta.inference.counting",
    "NodeCount": "smalta.inference.counting",
    "Exported": "smalta.exporting.onnx_export",
    "Plan": "smalta.planning.plan",
    "Machine": "smalta.planning.machine",
    "WatchRules": "smalta.video.rules",
    "Watched": "smalta.video.watch_job",
    "Replay": "smalta.video.replay",
    # errors: the input's fault, one sentence
    "SmaltaError": "smalta.errors",
    "ConfigError": "smalta.errors",
    "ClassTreeError": "smalta.errors",
    "DataError": "smalta.errors",
    "ShapeError": "smalta.errors",
    "ModelError": "smalta.errors",
    "TrainingError": "smalta.errors",
}

__all__ = [
    "Attribute",
    "ClassTree",
    "ClassTreeError",
    "ConfigError",
    "Converted",
    "CountTable",
    "DataError",
    "Dataset",
    "Entry",
    "Exported",
    "Finding",
    "Machine",
    "ModelError",
    "Node",
    "NodeCount",
    "NodePresence",
    "Objects",
    "Outcome",
    "Plan",
    "Predicted",
    "Predictor",
    "Presence",
    "Replay",
    "Report",
    "Rules",
    "Sample",
    "Segmentation",
    "ShapeError",
    "SmaltaError",
    "TrainResult",
    "TrainSettings",
    "TrainingError",
    "Verdict",
    "WatchRules",
    "Watched",
    "__version__",
    "check",
    "contact_sheet",
    "convert",
    "count",
    "evaluate",
    "export",
    "find_pictures",
    "load",
    "open_dataset",
    "overlay",
    "plan",
    "plan_video",
    "predict",
    "read_picture",
    "replay",
    "this_machine",
    "train",
    "watch",
    "watch_check",
    "write_frames",
    "write_scenes",
    "write_still",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
