"""What is printed before the first step is short, whatever the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from smalta.training.first_lines import MOST_LINES, first_lines
from tiny_runs import make_trainer


def test_the_lines_say_data_kind_device_crops_weights_and_time(discs: Path, tmp_path: Path) -> None:
    job = make_trainer(discs, tmp_path / "run", steps=12).job

    lines = first_lines(job, ["classes inferred from the masks"])

    assert lines[0] == f"data {discs.name}: 4 pictures for training, 2 for validation; 2 classes: ground, disc"
    assert "device cpu, 1 thread, fp32, channels-last: a step of 2 pictures is planned to take 4 ms" in lines
    assert any(line.startswith("crops of 64 x 64 px") for line in lines)
    assert "all weights start at random" in lines
    assert "12 steps; about 150 steps do for such data" in lines
    job = replace(job, settings=replace(job.settings, initial="old"))
    assert "12 steps" in first_lines(job, [])  # a run that starts from a model needs fewer
    assert lines[-1] == "classes inferred from the masks"


def test_a_run_in_minutes_states_its_least_number_of_steps(discs: Path, tmp_path: Path) -> None:
    job = make_trainer(discs, tmp_path / "run", steps=None, minutes=1.5).job

    assert any(
        "1.5 minutes from the start of the program, and at least 20 steps" in line for line in first_lines(job, [])
    )


def test_a_run_that_starts_from_a_model_names_it(discs: Path, tmp_path: Path) -> None:
    initial = {"model": "old", "notes": ["the network starts from old", "one class starts new", "and its objects"]}
    job = replace(make_trainer(discs, tmp_path / "run").job, facts={"weights": "model", "initial": initial})

    lines = first_lines(job, ["a note", "another note"])

    assert lines[-3:-1] == ["the network starts from old", "one class starts new; and its objects"]
    assert len(lines) == MOST_LINES


def test_disturbed_speeds_of_the_machine_are_named(discs: Path, tmp_path: Path) -> None:
    job = make_trainer(discs, tmp_path / "run").job
    job = replace(job, plan=replace(job.plan, disturbed={"bf16": "busy"}))

    assert any("other programs were busy while bf16 was measured" in line for line in first_lines(job, ["a note"]))


@pytest.mark.parametrize("n_notes", [0, 2, 3, 9])
def test_many_notes_become_one_line_that_says_where_they_are(n_notes: int, discs: Path, tmp_path: Path) -> None:
    notes = [f"note {n}" for n in range(n_notes)]

    lines = first_lines(make_trainer(discs, tmp_path / "run").job, notes)

    assert len(lines) <= MOST_LINES
    shown = [line for line in lines if line.startswith("note ")]
    assert shown == notes[: len(shown)]
    if len(shown) < n_notes:
        assert f"{n_notes - len(shown)} more notes about the data" in lines[-1]
