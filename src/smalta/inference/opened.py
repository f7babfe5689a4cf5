"""Open a model's file once, for all that a command does with it.

In:  a run's folder, or a `.onnx` file that `smalta export` wrote.
Out: `OpenedModel`: what the model means, what tells it from others, the work that it takes, runtimes that run it.

Must not know: plans beyond a way to run, how answers are made. PyTorch is imported when a run's folder is started, not
before, and never for an exported model.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from smalta.description.model_info import ModelInfo
from smalta.description.run_folder import MODEL_FILE, model_file
from smalta.errors import ModelError, SmaltaError
from smalta.planning.candidates import Work
from smalta.planning.cost import Way
from smalta.planning.work_of import work_of_model, work_of_network
from smalta.runtimes.onnx_file import read_onnx
from smalta.runtimes.onnx_runtimes import start
from smalta.runtimes.protocol import Runtime
from smalta.runtimes.registry import AUTO, PYTORCH, WantedDevice
from smalta.runtimes.weights_file import read_weights


@dataclass(frozen=True, kw_only=True)
class OpenedModel(ABC):
    """A model's file that was read and examined; it is not read again.

    Attributes:
        path: as it was named: a run's folder, or the file.
        content: of the file.
        info: what the model means.
    """

    path: Path
    content: bytes = field(repr=False)
    info: ModelInfo

    @property
    def file(self) -> Path:
        """The file that was read."""
        return model_file(self.path)

    @cached_property
    def digest(self) -> str:
        """What tells this model from others."""
        return hashlib.sha256(self.content).hexdigest()

    @abstractmethod
    def work(self, size_hw: tuple[int, int], *, answer_bytes: int) -> Work:
        """The work of answering for one picture.

        Args:
            size_hw: of the picture, pixels.
            answer_bytes: per pixel of what is made of the picture, as in `Work`.

        Raises:
            ModelError: if the model cannot be used, or its work cannot be found without PyTorch.
        """

    @abstractmethod
    def runtime(self, way: Way | None = None, *, device: WantedDevice = AUTO) -> Runtime:
        """The network, ready to run.

        Args:
            way: how to run it; None for one stream on all cores.
            device: where, if no way is given; an exported model runs on the processor.

        Raises:
            ModelError: if the model cannot be used, the device is not there, or what runs it is not installed.
        """


class _Exported(OpenedModel):
    """A file of `smalta export`."""

    def work(self, size_hw: tuple[int, int], *, answer_bytes: int) -> Work:
        return work_of_model(self.content, self.info, size_hw, answer_bytes=answer_bytes)

    def runtime(self, way: Way | None = None, *, device: WantedDevice = AUTO) -> Runtime:
        if device == "cuda":
            raise ModelError(f"{self.path} runs on the processor; for CUDA name the run's folder, or use --device cpu")
        try:
            if way is None:
                return start(self.content, self.info)
            return start(
                self.content,
                self.info,
                name=way.runtime,
                precision=way.precision,
                streams=way.streams,
                threads=way.threads,
            )
        except SmaltaError as error:
            raise ModelError(f"{self.path} cannot be used: {error}") from error


class _Run(OpenedModel):
    """The model of a run's folder."""

    def work(self, size_hw: tuple[int, int], *, answer_bytes: int) -> Work:
        return work_of_network(self.info.network, size_hw, "inference", answer_bytes=answer_bytes)

    def runtime(self, way: Way | None = None, *, device: WantedDevice = AUTO) -> Runtime:
        try:
            if find_spec(PYTORCH.package) is None:
                raise ImportError
            from smalta.model.opening import open_weights
        except ImportError as error:
            raise ModelError(
                f"{self.path} is a model for PyTorch, which is not installed; run `pip install 'smalta[train]'`"
            ) from error
        if way is None:
            return open_weights(self.file, self.content, self.info, device=device)
        return open_weights(
            self.file,
            self.content,
            self.info,
            device=way.device,
            precision=way.precision,
            layout=way.layout,
            threads=way.threads,
        )


def open_model(model: str | Path | OpenedModel) -> OpenedModel:
    """Read a model's file and examine it; nothing of it runs yet.

    Args:
        model: a run's folder, the `model.safetensors` in it, or a `.onnx` file that `smalta export` wrote. One that is
            open already is returned as it is.

    Raises:
        ModelError: if there is no such model, or it is damaged, unsafe, not smalta's or newer than this program.
    """
    if isinstance(model, OpenedModel):
        return model
    if (path := Path(model)).suffix == ".onnx":
        content, info = read_onnx(path)
        return _Exported(path=path, content=content, info=info)
    content, info = read_weights(model_file(path))
    return _Run(path=path, content=content, info=info)


def is_model(path: Path) -> bool:
    """Whether a path is a run's folder or a model's file, and not a data set."""
    return path.suffix in (".onnx", ".safetensors") or (path / MODEL_FILE).is_file()
