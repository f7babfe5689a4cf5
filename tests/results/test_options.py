from __future__ import annotations

import pytest

from smalta.answers.decoding import Decoding
from smalta.answers.scale import Scale
from smalta.errors import ConfigError
from smalta.results.options import OutputOptions
from smalta.results.probability_files import CHANNELS_LAST
from smalta.verdicts.rules import Rules


def test_outputs_are_asked_for_by_name_in_any_collection() -> None:
    options = OutputOptions(outputs=["channels-last", "overlay", "overlay"])

    assert options == OutputOptions(outputs=("overlay", "channels-last"))
    assert options.outputs == {"overlay", CHANNELS_LAST.name}


def test_an_output_that_there_is_not_is_refused() -> None:
    for wrong in ({"overlays"}, {"classes"}, "overlay"):
        with pytest.raises(ConfigError, match=r"the output '\w+' is unknown; outputs are overlay, geojson, "):
            OutputOptions(outputs=wrong)


def test_every_option_is_in_the_plain_data_by_which_a_job_is_known() -> None:
    plain = OutputOptions().to_dict()

    changed = [
        OutputOptions(kind="semantic"),
        OutputOptions(outputs={"overlay"}),
        OutputOptions(decoding=Decoding(level=1)),
        OutputOptions(decoding=Decoding(min_confidence=0.5)),
        OutputOptions(decoding=Decoding(method="leaf")),
        OutputOptions(decoding=Decoding(threshold=0.5)),
        OutputOptions(scale=Scale(0.05)),
        OutputOptions(rules=Rules.parse({"bad when": "crack present"})),
    ]

    assert plain == {
        "kind": None,
        "outputs": [],
        "method": "top-down",
        "level": None,
        "min_confidence": 0.0,
        "threshold": None,
        "scale": None,
        "rules": None,
    }
    assert all(options.to_dict() != plain for options in changed)
