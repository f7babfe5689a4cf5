"""The runtimes, which run networks: one entry with the facts about each.

In:  nothing.
Out: `RUNTIMES`, `RuntimeKind`; the names of devices and layouts.

The order is that of preference: without a plan, an exported model runs with the first installed runtime.

Must not know: machines, plans, how fast a runtime is. No library is imported before a runtime is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from smalta.description.model_info import Precision
    from smalta.runtimes.protocol import OnnxRuntime

Device = Literal["cpu", "cuda"]
WantedDevice = Literal["auto", Device]
Layout = Literal["channels_last", "channels_first"]

AUTO: Final = "auto"  # a CUDA device if the machine has one, otherwise the processor


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeKind:
    """A library that runs networks.

    Attributes:
        name: in plans, and of its shares on the processor in `planning/efficiency.json`.
        package: its import name.
        graph: whether it compiles the whole network before it runs. Then it fuses cheap layers into the convolution
            before them, chooses its own layout, keeps its memory, and moves all numbers in the precision of the plan.
        layouts: that a plan may choose from; a runtime that chooses its own ignores it.
        precisions: by device; the keys are the devices that it runs on.
        side_by_side: whether passes in parallel are faster.
        trains: whether it can also train.
        opens: imports and returns the class that runs an exported file (arguments as for
            `smalta.runtimes.open_vino.OpenVino`). None for the runtime of run folders (`smalta.model.opening`).
    """

    name: str
    package: str
    graph: bool
    layouts: tuple[Layout, ...] = ("channels_last",)
    precisions: Mapping[Device, tuple[Precision, ...]]
    side_by_side: bool = False
    trains: bool = False
    opens: Callable[[], Callable[..., OnnxRuntime]] | None = None

    @property
    def reads_exported(self) -> bool:
        """Whether it runs exported files; otherwise it runs run folders."""
        return self.opens is not None

    def shares(self, device: Device) -> str:
        """The key of its shares and its memory on a device in `planning/efficiency.json`."""
        return self.name if device == "cpu" else device


def _open_vino() -> Callable[..., OnnxRuntime]:
    from smalta.runtimes.open_vino import OpenVino

    return OpenVino


def _ort_cpu() -> Callable[..., OnnxRuntime]:
    from smalta.runtimes.ort_cpu import OrtCpu

    return OrtCpu


PYTORCH = RuntimeKind(
    name="pytorch",
    package="torch",
    graph=False,
    layouts=("channels_last", "channels_first"),
    precisions={"cpu": ("fp32", "bf16"), "cuda": ("fp32", "bf16")},
    trains=True,
)
OPENVINO = RuntimeKind(
    name="openvino",
    package="openvino",
    graph=True,
    precisions={"cpu": ("fp32", "bf16", "int8")},
    side_by_side=True,
    opens=_open_vino,
)
ONNX_RUNTIME = RuntimeKind(
    name="onnxruntime",
    package="onnxruntime",
    graph=True,
    precisions={"cpu": ("fp32", "int8")},  # it has no bf16 kernels for the processor
    opens=_ort_cpu,
)

RUNTIMES: Mapping[str, RuntimeKind] = {kind.name: kind for kind in (PYTORCH, OPENVINO, ONNX_RUNTIME)}


def runtimes_for(*, exported: bool) -> tuple[RuntimeKind, ...]:
    """The runtimes of exported files, or those of run folders."""
    return tuple(kind for kind in RUNTIMES.values() if kind.reads_exported == exported)
