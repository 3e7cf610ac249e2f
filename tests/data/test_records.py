from collections import Counter

import numpy as np
import pytest

from bench.data.records import check_unique, hold_out, limit, shuffle_labels
from bench.errors import RequestError
from bench.seeding import generator_for


def held_out(rows, proportion=0.3, seed=0, purpose="validation"):
    return hold_out(
        rows, source="train", target="validation", proportion=proportion, purpose=purpose, seed=seed
    )


def patients_of(rows, split):
    return {r.patient_id for r in rows if r.split == split}


@pytest.mark.parametrize("seed", range(8))
def test_no_patient_stands_in_two_splits(records, seed):
    rng = generator_for(seed)
    rows = [r for r in records(60) if rng.random() < 0.8]
    split = held_out(rows, rng.uniform(0.05, 0.9), seed)
    assert patients_of(split, "validation")
    assert not patients_of(split, "train") & patients_of(split, "validation")


def test_the_share_is_met_over_all_and_in_each_stratum(records):
    rows = records(400)
    split = held_out(rows)
    strata = Counter((max(r.labels), r.quality) for r in rows if r.split == "train")
    moved = Counter((max(r.labels), r.quality) for r in split if r.split == "validation")
    assert len(patients_of(split, "validation")) == pytest.approx(0.3 * 200, abs=1)
    # Two images a patient; rounding owes at most one patient to a stratum.
    assert all(abs(moved[s] - 0.3 * n) <= 4 for s, n in strata.items())


def test_other_splits_and_the_order_stay(records):
    rows = records(50)
    split = held_out(rows)
    assert [r.image_id for r in split] == [r.image_id for r in rows]
    assert [r for r in split if r.split == "test"] == [r for r in rows if r.split == "test"]


def test_the_seed_decides_and_the_order_of_the_file_does_not(records):
    rows = records(100)
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    assert patients_of(held_out(rows), "validation") == patients_of(
        held_out(shuffled), "validation"
    )
    assert patients_of(held_out(rows), "validation") != patients_of(
        held_out(rows, seed=1), "validation"
    )


def test_a_limited_set_keeps_whole_patients_and_both_splits(records):
    rows = records(200)
    kept = limit(rows, 100, seed=0)
    assert len(kept) == pytest.approx(100, abs=8)
    assert set(Counter(r.patient_id for r in kept).values()) == {2}
    assert {r.split for r in kept} == {"train", "test"}
    assert limit(rows, 1000, seed=0) == rows


def test_shuffled_labels_are_the_same_labels_in_other_places(records):
    rows = records(100)
    shuffled = shuffle_labels(rows, seed=0)
    for split in ("train", "test"):
        before, after = ([r.labels for r in own if r.split == split] for own in (rows, shuffled))
        assert sorted(before) == sorted(after)
        assert before != after


def test_an_image_named_twice_is_refused():
    with pytest.raises(RequestError, match="'b' stands there twice"):
        check_unique(["a", "b", "b"], "labels.csv")
