from collections import Counter

import pytest

from bench.data.chest.checks import refuse_shared_patients
from bench.data.chest.files import ListedImage
from bench.data.chest.subset import boxes_to_train, matched, subset
from bench.errors import RequestError
from bench.protocol.chest import ChestSettings
from bench.seeding import generator_for


def entry(number, *, split="train", view="PA", diseased=False, others=False, patient=None):
    labels = (int(diseased),) + (0,) * 7
    return ListedImage(f"i{number:04d}", patient or f"p{number // 3}", view, labels, others, split)


@pytest.fixture
def rows():
    """900 images: a third diseased, a tenth with other findings only; two thirds train."""
    drawn = generator_for("subset").random((900, 3))
    return [
        entry(
            n,
            split="test" if n >= 600 else "train",
            view="AP" if view < (0.7 if kind < 0.33 else 0.4) else "PA",
            diseased=kind < 0.33,
            others=kind > 0.9,
        )
        for n, (kind, view, _) in enumerate(drawn)
    ]


def small(**changed):
    return ChestSettings(train_images=200, test_images=90, **changed)


def test_the_caps_are_reached_with_halves_alike_in_view(rows):
    kept, message = subset(rows, small(), seed=0)
    for split, cap in (("train", 200), ("test", 90)):
        own = [row for row in kept if row.split == split]
        views = [Counter(row.view for row in own if row.diseased == sick) for sick in (True, False)]
        assert len(own) == cap
        assert views[0] == views[1]
        assert all(row.diseased or row.normal for row in own)
    assert "200 / 90" in message and "not the paper's list" in message


def test_a_larger_cap_takes_what_a_smaller_one_takes(rows):
    train = [row for row in rows if row.split == "train"]
    few, more = (matched(train, cap, seed=0) for cap in (41, 120))
    assert len(few) == 41 and more[:41] == few


def test_the_order_of_the_label_file_does_not_matter_and_the_seed_does(rows):
    assert matched(rows, 100, seed=0) == matched(rows[::-1], 100, seed=0)
    assert matched(rows, 100, seed=0) != matched(rows, 100, seed=1)


def test_images_without_a_partner_of_their_view_are_left_out():
    rows = [entry(n, diseased=n < 4, view="AP" if n in (0, 1, 4) else "PA") for n in range(6)]
    assert Counter(len(matched(rows, cap, seed=0)) for cap in (4, 100)) == {4: 2}


def test_images_to_be_taken_first_are(rows):
    sick = [row.image_id for row in rows if row.diseased and row.view == "AP"][-10:]
    assert not set(sick) <= set(matched(rows, 60, seed=0))
    assert set(sick) <= set(matched(rows, 60, seed=0, first=sick))


def test_all_means_all_and_says_what_other_findings_count_as(rows):
    kept, message = subset(rows, small(subset="all"), seed=0)
    others = sum(row.others and not row.diseased for row in rows)
    assert kept == rows
    assert (
        f"900 images; the {others:,} whose findings" in message and "without a finding" in message
    )
    named = [row for row in rows if not row.others]
    assert subset(named, small(subset="all"), seed=0)[1] == f"subset all: {len(named):,} images"


def test_a_list_is_taken_as_it_is(rows, tmp_path):
    (tmp_path / "mine.txt").write_text("i0007.png\ni0700\n\ni0003.png")
    kept, message = subset(rows, small(subset=f"list={tmp_path / 'mine.txt'}"), seed=0)
    assert [row.image_id for row in kept] == ["i0003", "i0007", "i0700"]
    assert "3 images" in message and "mine.txt" in message


def test_a_list_with_a_stranger_is_refused(rows, tmp_path):
    (tmp_path / "mine.txt").write_text("i0007.png\nstranger.png")
    with pytest.raises(RequestError, match=r"1 of its 2 images are not there \(first: stranger\)"):
        subset(rows, small(subset=f"list={tmp_path / 'mine.txt'}"), seed=0)


@pytest.mark.parametrize("text", ["official", "list=", "ALL"])
def test_other_subsets_are_refused(text):
    with pytest.raises(ValueError, match="pattern"):
        ChestSettings(subset=text)


def test_boxed_images_leave_the_test_split_with_their_patients():
    rows = [entry(n, split="test" if n >= 6 else "train") for n in range(12)]
    moved, message = boxes_to_train(rows, {"i0007"}, allow_leak=False)
    assert [row.image_id for row in moved if row.split == "test"] == ["i0009", "i0010", "i0011"]
    assert "3 images of their 1 patients" in message and "leak" not in message
    refuse_shared_patients(moved)


def test_a_leak_that_is_allowed_is_told():
    rows = [entry(n, split="test" if n >= 6 else "train") for n in range(12)]
    moved, message = boxes_to_train(rows, {"i0007"}, allow_leak=True)
    assert sum(row.split == "test" for row in moved) == 5
    assert "2 other images of these patients stay in the test split: a leak" in message
    with pytest.raises(RequestError, match="1 patients stand in both"):
        refuse_shared_patients(moved)
