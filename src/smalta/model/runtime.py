"""From pictures to probabilities with PyTorch: pad, run, resize, softmax, cut.

In:  (B, H, W, 3) uint8 pictures of any size.
Out: (B, L, H, W) float32 probabilities, those of attribute values, and the fields that objects are made of.

Must not know: class trees beyond the attributes' channels, files, decoding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from smalta.classes import Attribute
from smalta.errors import ModelError
from smalta.fields import CENTER, OFFSETS, SEMANTIC, attribute_field
from smalta.model.network import Network

MULTIPLE = 32  # the coarsest reduction; sides are padded to a multiple of it


def cpu_has_fast_bf16() -> bool:
    """Whether the processor multiplies bf16 in hardware (AVX-512 BF16 or AMX); elsewhere bf16 is slower than fp32."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name)() for name in checks if hasattr(torch.cpu, name))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether PyTorch raised an error for lack of memory, on a GPU or in the main memory."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or "can't allocate memory" in str(error)


class TorchRuntime:
    """Runs a network on batches of equal size.

    Args:
        network: in evaluation mode.
        attributes: of the class tree, in channel order.
        device: where to run.
        bf16: whether to compute in bf16; None where the processor is fast at it.
    """

    def __init__(
        self,
        network: Network,
        attributes: Sequence[Attribute] = (),
        *,
        device: str | torch.device = "cpu",
        bf16: bool | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device)
        self.attributes = attributes
        self.bf16 = (self.device.type == "cuda" or cpu_has_fast_bf16()) if bf16 is None else bf16

    def __call__(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Probabilities at the size of the pictures.

        Args:
            pictures: (B, H, W, 3) uint8 RGB.

        Returns:
            "semantic": (B, L, H, W) float32, sums to 1 over L. For each attribute its field: (B, V, H, W) float32.
            Where there are heads for objects, "center": (B, 1, h, w) in 0..1 and "offsets": (B, 2, h, w) pixels, both
            float32 at the network's stride, h = ceil(H / stride).

        Raises:
            ModelError: if the memory does not suffice.
        """
        try:
            return self._answer(pictures)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            size = " x ".join(map(str, pictures.shape[1:3]))
            raise ModelError(
                f"a picture of {size} px does not fit in memory; shrink it or cut it into parts"
            ) from error

    @torch.inference_mode()
    def _answer(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        height, width = pictures.shape[1:3]
        batch = torch.tensor(pictures).to(self.device).permute(0, 3, 1, 2)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            logits = self.network(_pad(batch))
        semantic = torch.softmax(self._full_size(logits[SEMANTIC], height, width), dim=1)
        answer = {SEMANTIC: semantic.cpu().numpy()}
        if "attributes" in logits:
            values = self._full_size(logits["attributes"], height, width)
            for attribute in self.attributes:
                answer[attribute_field(attribute.name)] = (
                    torch.softmax(values[:, attribute.start : attribute.stop], 1).cpu().numpy()
                )
        if CENTER in logits:
            stride = self.network.config.stride
            cells = (..., slice(-(-height // stride)), slice(-(-width // stride)))
            answer[CENTER] = torch.sigmoid(logits[CENTER].float())[cells].cpu().numpy()
            answer[OFFSETS] = logits[OFFSETS].float()[cells].cpu().numpy()
        return answer

    def _full_size(self, logits: Tensor, height: int, width: int) -> Tensor:
        stride = self.network.config.stride
        logits = logits.float().contiguous()
        if stride > 1:
            logits = F.interpolate(logits, scale_factor=stride, mode="bilinear", align_corners=False)
        return logits[:, :, :height, :width].contiguous()


def _pad(pictures: Tensor) -> Tensor:
    """Repeat the lower and right edge up to a multiple of 32."""
    height, width = pictures.shape[-2:]
    below, right = -height % MULTIPLE, -width % MULTIPLE
    if not below and not right:
        return pictures
    return F.pad(pictures.float(), (0, right, 0, below), mode="replicate")
