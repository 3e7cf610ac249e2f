"""The three sentences: chosen by verdicts, with what they stand on."""

from claim_world import claim, finding, world

from bench.reporting.claim_files import load_claims
from bench.reporting.claims import judge
from bench.reporting.report.answer import answer, best, loses_less, named, tally

PAIR = {"columns": [["native"]], "methods": [["comcl", "resnet50"]]}
DROP = {"columns": [["native", "1.0"]], "estimand": "drop", "side": "less"}


def told(tmp_path, comcl, resnet50):
    records = world(tmp_path, {("comcl", "native"): comcl, ("resnet50", "native"): resnet50})
    return best(finding(records, claim(**PAIR)))


def robust(tmp_path, comcl, resnet50):
    errors = {
        ("comcl", "native"): 0.2,
        ("comcl", "1.0"): comcl,
        ("resnet50", "native"): 0.2,
        ("resnet50", "1.0"): resnet50,
    }
    return loses_less(finding(world(tmp_path, errors), claim(**PAIR | DROP)))


def test_surely_fewer_errors_make_it_best_and_say_by_how_much(tmp_path):
    sentence = told(tmp_path, 0.1, 0.5)
    assert sentence.startswith("CoMCL is best: by kappa it beats every other method")
    assert "against ResNet50 at the native share of low quality it scores +0." in sentence


def test_surely_more_errors_name_who_is_ahead(tmp_path):
    sentence = told(tmp_path, 0.5, 0.1)
    assert sentence.startswith("CoMCL is not best: by kappa it is surely behind ResNet50")
    assert "it scores -0." in sentence


def test_equal_errors_decide_nothing(tmp_path):
    sentence = told(tmp_path, 0.3, 0.3)
    assert sentence.startswith("Whether CoMCL is best is not decided: by kappa, 0 of 1")
    assert "1 open (seeds that would decide: " in sentence


def test_one_seed_has_no_interval(tmp_path):
    assert "(no interval yet)" in told(tmp_path, [0.1], [0.5])


def test_what_was_not_run_is_not_known(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1})
    sentence = best(finding(records, claim(**PAIR)))
    assert sentence == (
        "Whether CoMCL is best is not known: nothing that it is compared with was run."
    )


def test_robustness_has_a_sentence_for_either_side_and_for_neither(tmp_path):
    assert robust(tmp_path / "less", 0.25, 0.6).startswith("It is the more robust: ")
    more = robust(tmp_path / "more", 0.6, 0.25)
    assert more.endswith("it surely loses more than ResNet50.")
    assert robust(tmp_path / "same", 0.4, 0.4).startswith("Whether it loses less")


def test_the_tally_names_decided_claims_and_says_what_drawn_images_mean(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.5})
    held = finding(records, claim(id="held", **PAIR))
    failed = finding(records, claim(id="failed", side="less", **PAIR))
    text = tally([held, failed], drawn=False)
    assert (
        "2 claims, judged as their files say, 1 supported (held), 1 contradicted (failed)" in text
    )
    assert "verdict on the paper" not in text
    assert "none of it is a verdict on the paper" in tally([held], drawn=True)


def test_the_committed_claims_give_three_sentences(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.5})
    (judgement,) = judge(records, load_claims())
    found = answer(judgement)
    assert len(found.sentences) == 3
    assert "29 not run" in found.sentences[0]
    assert "9 claims" in found.sentences[2]


def test_many_methods_are_counted():
    assert named(["comcl"]) == "CoMCL"
    assert named(["a", "b", "a"]) == "a and b"
    assert named(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
