import re
from pathlib import Path

import pytest

from bench.errors import RequestError
from bench.experiments import TABLE1
from bench.reporting.claims.files import FOLDER, Claim, load_claim, load_claims

WRITTEN = (FOLDER / "best-in-each-column.toml").read_text()


def changed(tmp_path: Path, old: str, new: str) -> Path:
    assert old in WRITTEN
    path = tmp_path / "best-in-each-column.toml"
    path.write_text(WRITTEN.replace(old, new, 1))
    return path


def by_id() -> dict[str, Claim]:
    return {claim.id: claim for claim in load_claims()}


def test_the_committed_claims_are_those_of_the_paper():
    assert set(by_id()) == {
        "best-in-each-column",
        "leads-earlier-contrastive",
        "every-method-loses",
        "loses-less-absolutely",
        "loses-less-relatively",
        "lead-grows",
        "each-part-adds",
        "all-levels-beat-fewer",
        "contrastive-beats-supervised",
        "contrastive-beats-longer-training",
    }


def test_every_claim_has_one_margin_one_level_and_at_least_three_seeds():
    claims = load_claims()
    assert {claim.margin for claim in claims} == {0.02}
    assert {claim.alpha for claim in claims} == {0.05}
    assert min(claim.seeds for claim in claims) == 3


def test_comcl_is_compared_with_every_other_method_of_table_1():
    others = {row.method for row in TABLE1.rows if row.in_paper} - {"comcl"}
    for name in ("best-in-each-column", "loses-less-absolutely", "loses-less-relatively"):
        pairs = by_id()[name].methods
        assert {first for first, _ in pairs} == {"comcl"}
        assert {second for _, second in pairs} == others


def test_every_method_of_table_1_is_said_to_lose():
    assert {m for (m,) in by_id()["every-method-loses"].methods} == {
        row.method for row in TABLE1.rows if row.in_paper
    }


def test_a_claim_has_one_comparison_a_column_and_methods():
    claim = by_id()["each-part-adds"]
    assert len(claim.comparisons) == len(claim.columns) * len(claim.methods)
    assert claim.comparisons[0].methods == ("moco", "resnet50")
    assert claim.comparisons[0].ratios == ("native",)


def test_a_drop_goes_up_in_the_proportion(tmp_path):
    drop = (FOLDER / "lead-grows.toml").read_text()
    path = tmp_path / "lead-grows.toml"
    path.write_text(drop.replace('["native", "0.7"]', '["0.7", "native"]'))
    with pytest.raises(RequestError, match="from the smaller proportion"):
        load_claim(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("margin = ", "marign = ", "marign"),
        ('["comcl", "cabnet"]', '["comcl", "cabnett"]', "no method 'cabnett'"),
        ('["comcl", "cabnet"]', '["comcl"]', "methods: every entry needs 2 name"),
        ('["comcl", "cabnet"]', '["comcl", "comcl"]', "twice"),
        ('["comcl", "cabnet"]', '["comcl", "lanet"]', "twice"),
        ('["0.7"]', '["0.70"]', "no column '0.70'"),
        ('["0.7"]', '["native", "0.7"]', "columns: every entry needs 1 name"),
        ('"accuracy"', '"acuracy"', "no score 'acuracy'"),  # codespell:ignore acuracy
        ("eyeq = ", "eyeqq = ", "no data set 'eyeqq'"),
        ('side = "greater"', 'side = "above"', "side"),
        ("margin = 0.02", "margin = 0.0", "margin"),
        ("seeds = 3", "seeds = 1", "seeds"),
        ("2026-11-23", '"2026-11-23"', "written"),
        ('id = "best', 'id = "worst', "must be the file's name"),
        ('section = "', "section = ", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_and_named(tmp_path, old, new, said):
    with pytest.raises(RequestError, match=re.escape(said)) as failure:
        load_claim(changed(tmp_path, old, new))
    assert "best-in-each-column.toml" in str(failure.value)


def test_the_unchanged_file_is_taken(tmp_path):
    assert load_claim(changed(tmp_path, "margin = 0.02", "margin = 0.03")).margin == 0.03


def test_a_folder_without_claims_is_refused(tmp_path):
    with pytest.raises(RequestError, match="no claim files"):
        load_claims(tmp_path)


def test_a_claim_of_the_paper_quotes_it_and_a_question_of_ours_does_not():
    ours = {claim.id for claim in load_claims() if claim.ours}
    assert ours == {"lead-grows", "contrastive-beats-longer-training"}
    for claim in load_claims():
        assert claim.ours or len(claim.quote.split()) >= 8, claim.id
