"""Open a model's file once for a whole command.

In:  a run folder, or a `.onnx` file that `smalta export` wrote.
Out: `OpenedModel`: the description of the model, its digest, its work, and runtimes for it.

PyTorch is imported only when the model of a run folder is started, never for an exported model.

Must not know: plans, except a way to run; how answers are made.
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
    """A model whose file is read and examined; the file is not read again.

    Attributes:
        path: as given: a run folder, or the file.
        content: of the file.
        info: the description of the model.
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
        """The SHA-256 of the content, which identifies the model."""
        return hashlib.sha256(self.content).hexdigest()

    @abstractmethod
    def work(self, size_hw: tuple[int, int], *, answer_bytes: int) -> Work:
        """The work of predicting one picture.

        Args:
            size_hw: of the picture, pixels.
            answer_bytes: per pixel of the results, as in `Work`.

        Raises:
            ModelError: if the model cannot be used, or its work needs PyTorch and it is not installed.
        """

    @abstractmethod
    def runtime(self, way: Way | None = None, *, device: WantedDevice = AUTO, threads: int | None = None) -> Runtime:
        """The network, ready to run.

        Args:
            way: how to run it; None for one stream.
            device: to run on, if `way` is None; an exported model runs on the processor.
            threads: of the one stream, if `way` is None; None for all cores.

        Raises:
            ModelError: if the model cannot be used, or its device or runtime is missing.
        """


class _Exported(OpenedModel):
    """A file of `smalta export`."""

    def work(self, size_hw: tuple[int, int], *, answer_bytes: int) -> Work:
        return work_of_model(self.content, self.info, size_hw, answer_bytes=answer_bytes)

    def runtime(self, way: Way | None = None, *, device: WantedDevice = AUTO, threads: int | None = None) -> Runtime:
        if device == "cuda":
            raise ModelError(f"{self.path} runs only on the processor; use --device cpu, or the run folder for CUDA")
        try:
            if way is None:
                return start(self.content, self.info, threads=threads)
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
    """The model of a run folder."""

    def work(self, size_hw: tuple[int, int], *, answer_bytes: int) -> Work:
        return work_of_network(self.info.network, size_hw, "inference", answer_bytes=answer_bytes)

    def runtime(self, way: Way | None = None, *, device: WantedDevice = AUTO, threads: int | None = None) -> Runtime:
        try:
            if find_spec(PYTORCH.package) is None:
                raise ImportError
            from smalta.model.opening import open_weights
        except ImportError as error:
            raise ModelError(
                f"{self.path} needs PyTorch, which is not installed; run `pip install 'smalta[train]'`"
            ) from error
        if way is None:
            return open_weights(self.file, self.content, self.info, device=device, threads=threads)
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
    """Read a model's file and examine it, without running it.

    Args:
        model: a run folder, the `model.safetensors` in it, or a `.onnx` file that `smalta export` wrote. An open
            model is returned unchanged.

    Raises:
        ModelError: if the model is missing, damaged, unsafe, not written by smalta, or newer than this program.
    """
    if isinstance(model, OpenedModel):
        return model
    if (path := Path(model)).suffix == ".onnx":
        content, info = read_onnx(path)
        return _Exported(path=path, content=content, info=info)
    content, info = read_weights(model_file(path))
    return _Run(path=path, content=content, info=info)


def is_model(path: Path) -> bool:
    """Whether a path is a run folder or a model's file; otherwise it is a data set."""
    return path.suffix in (".onnx", ".safetensors") or (path / MODEL_FILE).is_file()
