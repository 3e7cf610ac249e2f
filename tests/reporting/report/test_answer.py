"""The three sentences: chosen by verdicts, with what they stand on."""

import re

import pandas as pd
from claim_world import claim, finding, world

from bench.reporting.claims.files import load_claims
from bench.reporting.claims.judge import judge
from bench.reporting.report.answer import answer, best, loses_less, named, tally

PAIR = {"columns": [["native"]], "methods": [["comcl", "resnet50"]]}
DROP = {"columns": [["native", "1.0"]], "estimand": "drop", "side": "less"}


def told(tmp_path, comcl, resnet50):
    records = world(tmp_path, {("comcl", "native"): comcl, ("resnet50", "native"): resnet50})
    return best(finding(records, claim(**PAIR)), records)


def robust(tmp_path, comcl, resnet50):
    errors = {
        ("comcl", "native"): 0.2,
        ("comcl", "1.0"): comcl,
        ("resnet50", "native"): 0.2,
        ("resnet50", "1.0"): resnet50,
    }
    records = world(tmp_path, errors)
    return loses_less(finding(records, claim(**PAIR | DROP)), records)


def test_surely_fewer_errors_make_it_best_and_say_by_how_much(tmp_path):
    sentence = told(tmp_path, 0.1, 0.5)
    assert sentence.startswith(
        "CoMCL is best of the paper's methods: by quadratic weighted kappa it beats every other"
    )
    assert re.search(
        r"; at the native proportion of low-quality images it is 0\.\d{3} above ResNet50 "
        r"\(95 % interval \+",
        sentence,
    )


def test_surely_more_errors_name_who_is_ahead(tmp_path):
    sentence = told(tmp_path, 0.5, 0.1)
    assert sentence.startswith(
        "CoMCL is not best: by quadratic weighted kappa it is significantly behind ResNet50"
    )
    assert re.search(r"it is 0\.\d{3} below ResNet50", sentence)


def test_equal_errors_decide_nothing(tmp_path):
    sentence = told(tmp_path, 0.3, 0.3)
    assert sentence.startswith(
        "Whether CoMCL is best is not decided: by quadratic weighted kappa, 0 of 1"
    )
    assert re.search(
        r"1 open \(3 seeds find differences from \d\.\d{3} on, with power 0\.8\)", sentence
    )


def test_one_seed_has_no_interval_and_is_no_test(tmp_path):
    sentence = told(tmp_path, [0.1], [0.5])
    assert sentence.startswith(
        "Whether CoMCL is best is not known: 1 comparison by quadratic weighted kappa could not be "
        "tested (1 of 3 seeds)"
    )
    assert sentence.endswith("above ResNet50 (no interval yet).")
    drop = claim(**PAIR | DROP)
    cells = {(m, r): [0.2] for m in ("comcl", "resnet50") for r in ("native", "1.0")}
    records = world(tmp_path / "drop", cells)
    lost = loses_less(finding(records, drop), records)
    assert lost == (
        "Whether it loses less on low-quality images is not known: 1 comparison by quadratic "
        "weighted kappa could not be tested (1 of 3 seeds)."
    )


def test_what_was_not_run_is_not_known(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1})
    sentence = best(finding(records, claim(**PAIR)), records)
    assert sentence == (
        "Whether CoMCL is best is not known: nothing that it is compared with was run."
    )


def test_robustness_has_a_sentence_for_either_side_and_for_neither(tmp_path):
    assert robust(tmp_path / "less", 0.25, 0.6).startswith("It is the more robust: ")
    more = robust(tmp_path / "more", 0.6, 0.25)
    assert more.endswith("it loses significantly more than ResNet50.")
    assert robust(tmp_path / "same", 0.4, 0.4).startswith("Whether it loses less")


def test_the_tally_names_decided_claims_and_says_what_drawn_images_mean(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.5})
    held = finding(records, claim(id="held", **PAIR))
    failed = finding(records, claim(id="failed", side="less", **PAIR))
    text = tally([held, failed], synthetic=False)
    assert text == (
        "Of the 2 claims taken from the paper, judged as their files say, 1 supported (held), "
        "1 contradicted (failed)."
    )
    assert "these results say nothing about the published numbers" in tally([held], synthetic=True)


def test_the_committed_claims_give_three_sentences(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.5})
    (judgement,) = judge(records, load_claims())
    found = answer(judgement)
    assert len(found.sentences) == 3
    assert "29 not run" in found.sentences[0]
    assert "8 claims taken from the paper" in found.sentences[2]
    assert "; of 2 questions of ours " in found.sentences[2]


def test_many_methods_are_counted():
    none = pd.DataFrame({"method": [], "protocol": []})
    assert named(["comcl"], none) == "CoMCL"
    assert named(["a", "b", "a"], none) == "a and b"
    assert named(["a", "b", "c", "d", "e"], none) == "a, b, c and 2 more"


def test_the_plain_row_is_called_by_the_network_in_force(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.5})
    shared = {"backbone": {"name": "tf_efficientnet_lite0"}}
    records["protocol"] = [{**protocol, **shared} for protocol in records["protocol"]]
    sentence = best(finding(records, claim(**PAIR)), records)
    assert "above plain classifier (EfficientNet-Lite0) (95 %" in sentence
    assert "ResNet50" not in sentence
