import pytest

from bench.errors import RequestError
from bench.protocol.presets import CHANGES, derive, field_names, flatten, named, sources

ALLOWED_SOURCES = ("paper ", "code: ", "reference: ", "assumed: ")


@pytest.mark.parametrize("name", list(CHANGES))
def test_every_setting_of_every_protocol_has_a_source(name):
    rows = sources(name)
    assert {row["key"] for row in rows} == field_names()
    assert all(row["source"].startswith(ALLOWED_SOURCES) for row in rows)


@pytest.mark.parametrize("name", list(CHANGES))
def test_what_is_printed_is_what_is_in_force(name):
    in_force = flatten(named(name).model_dump())
    assert {row["key"]: row["value"] for row in sources(name)} == in_force


def test_paper_is_what_the_paper_says():
    paper = named("paper")
    assert paper.pretraining.epochs == 800
    assert paper.pretraining.batch == 400
    assert paper.pretraining.temperature == 0.07
    assert paper.pretraining.weight_decay == 5e-4  # r(w) of Eq. 3, by the release (D61)
    assert paper.patches.size_px == 128
    assert paper.degradation.strength == 1


def test_a_variant_differs_in_what_was_set_and_in_nothing_else():
    varied = flatten(derive(named("smoke"), ["finetuning.epochs=3"]).model_dump())
    base = flatten(named("smoke").model_dump())
    assert {key for key in base if base[key] != varied[key]} == {"finetuning.epochs"}
    assert varied["finetuning.epochs"] == 3


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("finetuning.epocs=3", "did you mean finetuning.epochs?"),
        ("finetuning.epochs", "no '='"),
        ("finetuning.epochs=many", "valid integer"),
        ("finetuning.epochs=0", "greater than or equal to 1"),
        ("comcl.spl=lteral", "'quantile', 'literal'"),
    ],
)
def test_a_wrong_setting_says_value_rule_and_way_out(assignment, message):
    with pytest.raises(RequestError, match=assignment.split("=")[0]) as caught:
        derive(named("paper"), [assignment])
    assert message in str(caught.value)


def test_an_unknown_protocol_names_those_there_are():
    with pytest.raises(RequestError, match="paper, laptop, laptop-chest, pretrained, demo, smoke"):
        named("papr")


def test_settings_can_be_json_or_words():
    varied = derive(named("paper"), ["data.limit=100", "comcl.spl=off", "data.shuffle_labels=true"])
    assert (varied.data.limit, varied.comcl.spl, varied.data.shuffle_labels) == (100, "off", True)


def test_inputs_of_pretrained_networks_are_scaled_as_their_weights_were_trained():
    pretrained = named("pretrained")
    for group in (pretrained.normalisation, pretrained.chest):
        scaled = [(127 - 255 * m) / (255 * s) for m, s in zip(group.mean, group.std, strict=True)]
        assert scaled == pytest.approx([0, 0, 0], abs=1e-9)
        assert [255 * s for s in group.std] == pytest.approx([128, 128, 128])
    assert pretrained.init.weights == pretrained.detector.weights == "efficientnet-lite0"
