"""Every output is known by its entry in one list."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from smalta.description.kinds import KINDS
from smalta.errors import ConfigError, DataError
from smalta.results.registry import OUTPUTS, check_asked, check_in_parts, settings, wanted


def test_the_list_is_read_without_numpy_and_opencv() -> None:
    code = "import sys, smalta.results.registry; print(*{'numpy', 'cv2', 'scipy', 'PIL'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


def test_no_two_outputs_share_a_name_a_folder_or_a_file() -> None:
    for names in (
        [output.name for output in OUTPUTS] + [s.name for output in OUTPUTS for s in output.settings],
        [output.folder for output in OUTPUTS if output.folder],
        [output.joined.name for output in OUTPUTS if output.joined],
    ):
        assert len(set(names)) == len(names)


def test_a_kind_gets_what_is_always_written_and_what_is_asked_for() -> None:
    def names(kind: str, *asked: str) -> list[str]:
        return [output.name for output in wanted(kind, asked)]  # type: ignore[arg-type]

    assert names("semantic") == names("binary") == ["classes", "presence"]
    assert names("instance") == ["classes", "presence", "instances", "objects"]
    assert names("panoptic") == ["classes", "presence", "instances", "objects", "panoptic"]
    assert names("semantic", "overlay", "geojson") == ["classes", "presence", "overlay"]
    assert names("instance", "geojson", "channels-last") == ["classes", "presence", "instances", "objects", "geojson"]


def test_verdicts_are_written_only_by_rules() -> None:
    names = [output.name for output in wanted("semantic", (), rules=True)]

    assert names == ["classes", "presence", "verdicts"]


def test_whatever_may_be_asked_for_has_a_name_and_a_help() -> None:
    names = [setting.name for setting in settings()]

    assert names[:2] == ["overlay", "geojson"]
    assert names[-2:] == ["probabilities", "channels-last"]  # a detail stands behind its output
    assert all(setting.help.endswith(".") for setting in settings())


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_kind_does_not_have_is_refused_by_name(kind: str) -> None:
    for output in OUTPUTS:
        if kind in output.kinds:
            check_asked(kind, {output.name})  # type: ignore[arg-type]
        elif output.help is not None:
            with pytest.raises(ConfigError, match=f"^--{output.name} is for the kinds .* the kind is '{kind}'"):
                check_asked(kind, {output.name})  # type: ignore[arg-type]


def test_in_parts_what_is_asked_for_is_refused_and_what_is_always_written_is_left_out() -> None:
    picture, size_hw = Path("a.tif"), (30_000, 40_000)

    check_in_parts(wanted("panoptic", {"overlay"}), picture, size_hw)
    with pytest.raises(DataError, match=r"^a\.tif has 30000 x 40000 pixels .* cannot give --geojson; omit that"):
        check_in_parts(wanted("panoptic", {"overlay", "geojson"}), picture, size_hw)
