from __future__ import annotations

import pytest

from smalta.api.limits import limits_of, n_bytes
from smalta.errors import ConfigError


def test_limits_take_text_bytes_and_milliseconds() -> None:
    limits = limits_of(memory="1.5GB", threads=2, tile=1024, device="cpu", batch=4, latency_ms=250)

    assert (limits.memory_bytes, limits.threads, limits.tile, limits.batch) == (3 * 2**29, 2, 1024, 4)
    assert (limits.device, limits.latency_seconds) == ("cpu", 0.25)
    assert limits_of(memory=1000).memory_bytes == 1000
    assert limits_of().device is None


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(ConfigError, match="device must be 'auto', 'cpu' or 'cuda', got 'tpu'"):
        limits_of(device="tpu")


@pytest.mark.parametrize(
    ("text", "size"),
    [("512MB", 2**29), ("2GB", 2**31), ("1.5 GiB", 3 * 2**29), ("1000", 1000), ("64k", 2**16), ("1tb", 2**40)],
)
def test_sizes_of_memory_are_read_with_their_unit(text: str, size: int) -> None:
    assert n_bytes(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "0", "1PB", "1MBs"])
def test_what_is_not_a_size_of_memory_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a size of memory"):
        n_bytes(text)
