import pytest

from smalta.errors import ConfigError
from smalta.planning.gpus import parse_nvidia_smi, published


def test_published_numbers_say_that_they_are() -> None:
    card = published("RTX 4090")

    assert (card.name, card.memory_bytes, card.published) == ("NVIDIA GeForce RTX 4090", 24 * 2**30, True)


def test_an_unknown_card_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"the GPU 'h300' is unknown; published numbers exist for t4, .*h100"):
        published("h300")


def test_nvidia_smi_tells_a_card_per_line() -> None:
    told = "NVIDIA L4, 23034\nNVIDIA GeForce RTX 3060, 12288\nFailed to initialize NVML\nNVIDIA X, [N/A]\n"

    assert parse_nvidia_smi(told) == (("NVIDIA L4", 23034 * 2**20), ("NVIDIA GeForce RTX 3060", 12288 * 2**20))
