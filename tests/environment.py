"""What libraries read when they are loaded; `conftest` imports this module before them.

Variables of the tests:

- `SMALTA_TEST_ISA=avx2` hides the instructions that a processor with AVX2 alone lacks. ONNX Runtime is left out: it has
  no switch.
- `SMALTA_TEST_BF16=yes` pretends that the processor is fast in bf16; without it, tests see one that is not. See
  `machines.pretend`.
"""

from __future__ import annotations

import os
import sys

ONLY_AVX2 = {
    "OV_CPU_MAX_ISA": "AVX2",  # OpenVINO; without the next line its processor plugin fails
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # oneDNN, in OpenVINO and in PyTorch
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "OPENCV_CPU_DISABLE": "AVX512-SKX",
    "OPENBLAS_CORETYPE": "Haswell",  # of NumPy and SciPy
}
BF16 = os.environ.get("SMALTA_TEST_BF16") == "yes"

if os.environ.get("SMALTA_TEST_ISA") == "avx2":
    os.environ.update(ONLY_AVX2)
# Threads of PyTorch sleep while they wait. Left alone they spin, and tests beside other work take five times as long.
os.environ.setdefault("GOMP_SPINCOUNT", "0")
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # no test reports to anybody
