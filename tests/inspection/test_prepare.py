"""What `bench prepare` prints and refuses."""

import pytest

from bench.errors import RequestError
from bench.inspection.prepare import detector_text, prepare
from bench.training.callbacks import Callbacks

SILENT = Callbacks(tick=lambda *_: None, step=lambda _: None, say=lambda _: None)
REPORT = {
    "detector": "0123456789abcdef",
    "ap50": {"haemorrhages": 0.7, "soft exudates": None},
    "confidence": 0.8,
    "at_confidence": {"haemorrhages": {"found": 3, "right": 2}},
    "pictures": [],
}


def test_a_kind_of_lesion_that_was_not_held_out_has_no_score():
    lines = detector_text(REPORT).splitlines()
    assert any("haemorrhages" in line and "0.700" in line for line in lines)
    assert any("soft exudates" in line and "none of it held out" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("eyeq-twin", "drawn on first use"),
        ("chestxray-twin", "drawn on first use"),
        ("eyec", "did you mean 'eyeq'"),
    ],
)
def test_a_set_that_is_drawn_or_unknown_has_nothing_to_prepare(name, message):
    options = {"data": None, "cache": None, "out": None, "protocol": None, "changes": ()}
    with pytest.raises(RequestError, match=message):
        prepare(name, SILENT, **options, device="cpu", as_json=False)
