"""`smalta check` in this process."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import Cli
from labelled_sets import write_set


def test_check_is_exit_code_0_on_clean_data_and_1_on_errors(cli: Cli, discs: Path, tmp_path: Path) -> None:
    broken = write_set(tmp_path / "data")
    (broken / "train" / "images" / "p0.png").write_bytes(b"no picture")

    assert cli("check", discs, "--quiet") == (0, "", "")
    code, said, _ = cli("check", broken, "--json", "--contact-sheet", tmp_path / "sheet.png")

    assert code == 1
    assert json.loads(said)["n_errors"] == 1
    assert (tmp_path / "sheet.png").is_file()
