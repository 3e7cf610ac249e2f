"""Folds and splits that follow the run's seed: what each seed tests, and what all share."""

from collections import Counter
from dataclasses import replace

import pytest

from bench.data.manifest import manifest
from bench.data.splits import finish
from bench.errors import RequestError
from bench.protocol.presets import derive, named

FOLDS = 4


def settings(*changes):
    return derive(named("paper"), list(changes)).data


@pytest.fixture
def undivided(dataset, records):
    rows = tuple(replace(record, split="train") for record in records(60))
    return dataset(rows, test_drawn=True)


def in_test(data, seed, *changes):
    finished = finish(data, settings(f"data.folds={FOLDS}", *changes), seed)
    return {r.image_id for r in finished.records if r.split == "test"}


def test_each_image_is_tested_once_in_a_repeat(undivided):
    for repeat in (0, 1):
        parts = [in_test(undivided, repeat * FOLDS + fold) for fold in range(FOLDS)]
        counts = Counter(image for part in parts for image in part)
        assert set(counts) == {r.image_id for r in undivided.records}
        assert set(counts.values()) == {1}


def test_a_repeat_draws_another_partition(undivided):
    first, second = (
        {frozenset(in_test(undivided, repeat * FOLDS + fold)) for fold in range(FOLDS)}
        for repeat in (0, 1)
    )
    assert first.isdisjoint(second)


def test_patients_stay_whole_and_strata_are_shared_out(undivided):
    for seed in range(FOLDS):
        finished = finish(undivided, settings(f"data.folds={FOLDS}"), seed)
        by_split = {
            split: {r.patient_id for r in finished.records if r.split == split}
            for split in ("train", "validation", "test")
        }
        assert sum(map(len, by_split.values())) == 60
        assert by_split["validation"]
        # 60 patients, of 5 worst grades and at most 3 worst qualities each: one more or one less.
        grades = Counter(r.labels[0] for r in finished.records if r.split == "test")
        assert set(grades) == set(range(5))
        assert len(by_split["test"]) == 15


def test_validation_images_differ_between_folds(undivided):
    """Else the same patients would pick the epoch of every fold that may train on them."""
    found = [
        frozenset(
            r.image_id
            for r in finish(undivided, settings(f"data.folds={FOLDS}"), seed).records
            if r.split == "validation"
        )
        for seed in range(FOLDS)
    ]
    assert len(set(found)) == FOLDS


def test_a_set_that_names_its_test_images_has_no_folds(dataset, records):
    for data in (dataset(records(20)), dataset(records(20), test_drawn=True)):
        with pytest.raises(RequestError, match=r"data\.folds=4.*names its splits itself"):
            in_test(data, 0)


def test_all_folds_of_all_repeats_have_one_manifest_key(undivided):
    """They share a table; another number of folds does not, which the protocol's part says."""

    def key(seed, *changes):
        chosen = settings(*changes)
        return manifest(finish(undivided, chosen, seed), [], chosen)["key"]

    folds = f"data.folds={FOLDS}"
    assert len({key(seed, folds) for seed in range(2 * FOLDS)}) == 1
    assert key(0) == key(1) != key(0, folds)


def split_of(data, seed, split, *changes):
    finished = finish(data, settings(*changes), seed)
    return {r.image_id for r in finished.records if r.split == split}


def test_the_validation_split_follows_the_seed_where_it_is_told_to(undivided):
    follow = "data.seed_follows_run=true"
    for split, follows in (("validation", True), ("test", False)):
        fixed = [split_of(undivided, seed, split) for seed in (0, 1)]
        assert fixed[0] == fixed[1]
        followed = [split_of(undivided, seed, split, follow) for seed in (0, 1)]
        assert (followed[0] != followed[1]) == follows


def test_runs_whose_splits_follow_the_seed_share_a_manifest_key(undivided):
    def key(seed, *changes):
        chosen = settings(*changes)
        return manifest(finish(undivided, chosen, seed), [], chosen)["key"]

    follow = "data.seed_follows_run=true"
    assert key(0, follow) == key(1, follow)
    assert key(0, follow) != key(0, follow, "data.test_share=0.4")
