"""The list of planted faults fits the code as it is now; planting them is done by hand."""

import runpy
from pathlib import Path

import pytest
from paths import ROOT

RUNNER = runpy.run_path(str(Path(__file__).with_name("planted_faults.py")))
Fault, planted = RUNNER["Fault"], RUNNER["planted"]
FAULTS = RUNNER["read_faults"]()


def test_every_fault_can_be_planted_once_and_changes_its_file():
    wrong = []
    for fault in FAULTS:
        text = (ROOT / fault.file).read_text(encoding="utf-8")
        try:
            assert planted(text, fault) != text
        except ValueError as error:
            wrong.append(str(error))
    assert not wrong


def test_every_fault_has_a_name_of_its_own_and_tests_that_there_are():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    named = {test for fault in FAULTS for test in fault.tests}
    assert all(fault.tests for fault in FAULTS)
    assert not [test for test in named if not (ROOT / test).exists()]


def test_no_fault_is_left_to_golden_files_or_digests():
    """Those notice a change, and cannot say that it is wrong."""
    named = {test for fault in FAULTS for test in fault.tests}
    assert not [test for test in named if "golden" in test or "test_versions" in test]


@pytest.mark.parametrize("text", ["nothing of the kind", "a sum, and again a sum"])
def test_a_text_that_is_not_there_exactly_once_is_refused(text):
    fault = Fault("mean-for-sum", "file.py", "a sum", "a mean", ("tests",))
    assert planted("this is a sum", fault) == "this is a mean"
    with pytest.raises(ValueError, match=r"mean-for-sum: .* has the old text"):
        planted(text, fault)
