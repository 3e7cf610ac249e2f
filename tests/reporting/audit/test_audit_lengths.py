"""How long methods train: by one rule, and the control for at least as long as CoMCL."""

from dataclasses import replace

import pytest
from audited_runs import committed, more, row, verdicts, with_setting, with_stage


def patient(run, by):
    """A run whose supervised stages may end at a plateau, one of them after other epochs."""
    run = with_setting(run, "finetuning", patience=20)
    return run if run.spec["seed"] else with_stage(run, "finetune", more("steps", by))


def test_phases_that_end_at_a_plateau_may_differ_in_length_and_not_in_the_rule():
    runs = [patient(run, by=3) for run in committed()]
    assert row(runs, "steps").verdict == "DECLARED EXCEPTION"
    assert row(runs, "length").verdict == "PASS"
    longer = [with_setting(runs[0], "finetuning", patience=30), *runs[1:]]
    assert row(longer, "length").verdict == "FAIL"
    unruled = [
        with_stage(run, "finetune", more("steps", 1 + run.spec["seed"])) for run in committed()
    ]
    assert row(unruled, "steps").verdict == "FAIL"


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "PASS"), (1.7, "PASS"), (0.9, "FAIL")])
def test_the_compute_matched_control_must_compute_as_much_as_comcl(factor, verdict):
    base = [replace(run, flops=1000) for run in committed()]
    comcl = next(run for run in base if run.roster_name == "comcl")
    control = replace(comcl, roster_name="resnet50-long", method="resnet50-long")
    runs = [*base, replace(control, flops=round(1000 * factor))]
    found = row(runs, "matched")
    assert found.verdict == verdict
    assert f"{factor:.2f} times" in found.found


def test_without_counted_operations_nothing_is_said_of_the_control():
    runs = [replace(run, flops=None) for run in committed()]
    assert "matched" not in verdicts(runs)
