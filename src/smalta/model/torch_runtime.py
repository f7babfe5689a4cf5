"""From pictures to maps and fields with PyTorch: pad, run, upscale.

In:  (B, H, W, 3) uint8 pictures of any size.
Out: maps and fields, as `smalta.answers.fields` lists them.

Must not know: class trees beyond the attributes' channels, files, decoding.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from smalta.answers.fields import heads_of
from smalta.answers.upscaling import fields_of
from smalta.classes import Attribute
from smalta.description.model_info import LEAST_GAIN
from smalta.errors import ModelError
from smalta.model.network import Network

MULTIPLE = 32  # the coarsest reduction; sides are padded to a multiple of it


@cache
def cpu_has_fast_bf16() -> bool:
    """Whether the processor multiplies bf16 in hardware (AVX-512 BF16 or AMX), and faster than fp32.

    Some processors and virtual machines have the instructions and are slower with them. So a convolution is timed with
    both types, once per process.
    """
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    if not any(getattr(torch.cpu, name)() for name in checks if hasattr(torch.cpu, name)):
        return False
    seconds: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    for _ in range(6):  # in turn, so that what disturbs one disturbs the other
        for dtype, spent in seconds.items():
            spent.append(_seconds_of_convolution(dtype))
    return min(seconds[torch.float32]) >= LEAST_GAIN * min(seconds[torch.bfloat16])


@torch.inference_mode()
def _seconds_of_convolution(dtype: torch.dtype) -> float:
    maps = torch.zeros(1, 64, 64, 64, dtype=dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.zeros(64, 64, 3, 3, dtype=dtype)
    start = time.perf_counter()
    F.conv2d(maps, weight, padding=1)
    return time.perf_counter() - start


def is_out_of_memory(error: BaseException) -> bool:
    """Whether PyTorch raised an error for lack of memory, on a GPU or in the main memory."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or "can't allocate memory" in str(error)


class TorchRuntime:
    """Runs a network on batches of equal size.

    Args:
        network: in evaluation mode.
        attributes: of the class tree, in channel order.
        device: where to run.
        bf16: whether to compute in bf16; None for whether the processor is faster with it.
        layout: how maps lie in memory, "channels_last" or "channels_first"; None keeps the network's layout.
        threads: of the whole process, for PyTorch; None keeps their number.
    """

    def __init__(
        self,
        network: Network,
        attributes: Sequence[Attribute] = (),
        *,
        device: str | torch.device = "cpu",
        bf16: bool | None = None,
        layout: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device)
        self._channels_first = layout == "channels_first"
        if layout is not None:
            wanted = torch.contiguous_format if self._channels_first else torch.channels_last
            self.network = self.network.to(memory_format=wanted)
        if threads is not None:
            torch.set_num_threads(threads)
        self.attributes = attributes
        self.bf16 = (self.device.type == "cuda" or cpu_has_fast_bf16()) if bf16 is None else bf16
        self.streams = 1
        self._one_at_a_time = threading.Lock()  # one pass keeps all cores busy, and a second costs as much memory again

    @property
    def stride(self) -> int:
        """Of the maps."""
        return self.network.config.stride

    def __call__(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Fields of a batch.

        Args:
            pictures: (B, H, W, 3) uint8 RGB.

        Returns:
            The fields that `smalta.answers.fields` lists.

        Raises:
            ModelError: if the memory does not suffice.
        """
        maps, size_hw = self.maps(pictures), pictures.shape[1:3]
        one_by_one = [
            fields_of({name: batch[i] for name, batch in maps.items()}, self.attributes, size_hw, self.stride)
            for i in range(len(pictures))
        ]
        return {name: np.stack([fields[name] for fields in one_by_one]) for name in one_by_one[0]}

    def maps(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Maps of a batch; `smalta.answers.upscaling` turns them into fields.

        Args:
            pictures: (B, H, W, 3) uint8 RGB.

        Returns:
            The maps that `smalta.answers.fields` lists, float32.

        Raises:
            ModelError: if the memory does not suffice.
        """
        try:
            with self._one_at_a_time:
                return self._run(pictures)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            size = " x ".join(map(str, pictures.shape[1:3]))
            raise ModelError(
                f"a picture of {size} px does not fit in memory; shrink it or cut it into parts"
            ) from error

    @torch.inference_mode()
    def _run(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        batch = torch.tensor(pictures).to(self.device).permute(0, 3, 1, 2)
        if self._channels_first:
            batch = batch.contiguous()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            found = self.network(_pad(batch))
        maps = {}
        for head in heads_of(self.network.config):
            values = found[head.name].float()
            values = torch.sigmoid(values) if head.activation == "sigmoid" else values
            maps[head.map] = values.contiguous().cpu().numpy()
        return maps


def _pad(pictures: Tensor) -> Tensor:
    """Repeat the lower and right edge up to a multiple of 32."""
    height, width = pictures.shape[-2:]
    below, right = -height % MULTIPLE, -width % MULTIPLE
    if not below and not right:
        return pictures
    return F.pad(pictures.float(), (0, right, 0, below), mode="replicate")
