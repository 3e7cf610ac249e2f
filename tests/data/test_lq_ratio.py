import numpy as np
import pytest

from bench.data import lq_ratio
from bench.errors import RequestError
from bench.seeding import generator_for


def chosen(data, share, **more):
    return lq_ratio.choose(data, share, **{"apply_to": "both", "data_seed": 0, **more})


@pytest.fixture
def data(records, dataset):
    return dataset(records(400, quality=lambda p, e: int(generator_for(p, e).random() < 0.3)))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("native", "native"), ("0.334", "native"), ("0.7", "0.7"), ("0.70", "0.7"), ("1", "1.0")],
)
def test_ratios_have_one_spelling(text, canonical):
    assert lq_ratio.parse(text, "eyeq") == canonical


def test_the_papers_label_means_native_on_its_own_set_only():
    assert lq_ratio.parse("0.432", "chestxray") == "native"
    assert lq_ratio.parse("0.432", "chestxray-twin") == "native"
    assert lq_ratio.parse("0.432", "eyeq") == "0.432"


@pytest.mark.parametrize("text", ["-0.1", "0", "1.7", "nan", "inf", "much"])
def test_a_ratio_outside_its_range_is_refused(text):
    with pytest.raises(RequestError, match="above 0 and at most 1"):
        lq_ratio.parse(text, "eyeq")


def test_native_degrades_nothing(data):
    assert not chosen(data, "native").any()


@pytest.mark.parametrize("share", ["0.7", "0.85", "1.0"])
def test_each_split_reaches_its_share_to_within_half_an_image(data, share):
    achieved = {}
    low = (data.quality() > 0) | chosen(data, share)
    for split in ("train", "test"):
        members = data.where(split)
        achieved[split] = abs(low[members].sum() - float(share) * len(members))
    assert max(achieved.values()) <= 0.5


def test_only_good_images_are_degraded(data):
    assert (data.quality()[chosen(data, "0.9")] == 0).all()


def test_a_smaller_share_is_a_subset_of_a_larger_and_not_all_of_it(data):
    some, more = chosen(data, "0.7"), chosen(data, "1.0")
    assert (some <= more).all()
    assert some.sum() < more.sum()


def test_grades_are_degraded_in_proportion(data):
    """The share of each grade's good images differs from the whole's by one image at most."""
    picked = chosen(data, "0.7")
    for split in ("train", "test"):
        good = data.where(split)
        good = good[data.quality()[good] == 0]
        share = picked[good].mean()
        for grade in range(5):
            own = good[data.labels()[good, 0] == grade]
            assert abs(picked[own].sum() - share * len(own)) <= 1


def test_the_order_of_the_label_file_does_not_matter(records, dataset):
    rows = records(60, quality=lambda p, e: 0)
    order = np.random.default_rng(0).permutation(len(rows))
    one, other = dataset(rows), dataset([rows[i] for i in order])
    ids = [
        {r.image_id for r, c in zip(d.records, chosen(d, "0.7"), strict=True) if c}
        for d in (one, other)
    ]
    assert ids[0] == ids[1]


def test_the_choice_depends_on_the_data_seed(data):
    assert (chosen(data, "0.7") == chosen(data, "0.7", data_seed=0)).all()
    assert (chosen(data, "0.7") != chosen(data, "0.7", data_seed=1)).any()


def test_apply_to_leaves_the_other_split_alone(data):
    train, test = (chosen(data, "1.0", apply_to=which) for which in ("train", "test"))
    assert not train[data.where("test")].any()
    assert not test[data.where("train")].any()
    assert train.any() and test.any()


def test_less_than_there_is_already_is_refused(data):
    with pytest.raises(RequestError, match="low quality already"):
        chosen(data, "0.1")


def test_a_split_above_the_share_is_left_alone(records, dataset):
    rows = records(40, quality=lambda p, e: int(p % 2 or p % 5 == 0))
    picked = chosen(dataset(rows), "0.7")
    assert picked[dataset(rows).where("train")].any()
    assert not picked[dataset(rows).where("test")].any()


def test_eyeqs_own_counts_are_met(real_eyeq):
    """docs/reference/data.md#counts-of-eyeq: 4,584 and 3,596 images to degrade for 70 %."""
    picked = chosen(real_eyeq, "0.7")
    counts = {split: int(picked[real_eyeq.where(split)].sum()) for split in ("train", "test")}
    assert counts == {"train": 4584, "test": 3596}
