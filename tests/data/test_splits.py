"""Splits that are drawn, and what is advised where one would be empty: it must help."""

from dataclasses import replace

import pytest

from bench.data.splits import empty, finish, why_empty
from bench.errors import RequestError
from bench.protocol.presets import derive, named


def settings(*changes):
    return derive(named("paper"), list(changes)).data


def told(dataset, records, *changes, **fields):
    return why_empty(dataset(records, **fields), settings(*changes))


def of_one_split(records, split):
    return tuple(replace(record, split=split) for record in records)


def test_splits_that_have_images_are_nothing_to_say(dataset, records):
    data = dataset(records(40))
    assert why_empty(data, settings()) == ""
    assert empty(finish(data, settings())) == []


def advised(sentence):
    """The settings that a sentence advises."""
    words = sentence.split()
    return [words[i + 1] for i, word in enumerate(words) if word == "--set"]


@pytest.mark.parametrize(
    ("patients", "changes", "fields"),
    [
        (6, (), {}),
        (60, ("data.limit=20", "data.validation_share=0.01"), {}),
        (60, ("data.validation_share=0.001",), {}),
        (12, ("data.test_share=0.001",), {"test_drawn": True}),
        (4, ("data.test_share=0.001", "data.validation_share=0.001"), {"test_drawn": True}),
    ],
)
def test_what_is_advised_helps(dataset, records, patients, changes, fields):
    rows = records(patients, grade=lambda p, e: 0, quality=lambda p, e: 0)
    rows = of_one_split(rows, "train") if fields else rows
    sentence = told(dataset, rows, *changes, **fields)
    found = advised(sentence)
    assert found, sentence
    assert told(dataset, rows, *changes, *found, **fields) == ""


def test_a_published_set_without_one_part_has_no_setting_for_it(dataset, records):
    sentence = told(dataset, of_one_split(records(30), "train"), name="eyeq")
    assert "no image for the test split" in sentence
    assert "none of the test images is there, and no setting stands in for them" in sentence
    assert "--set" not in sentence


def test_a_column_that_names_one_split_alone_is_told(dataset, records):
    sentence = told(dataset, of_one_split(records(30), "test"), test_drawn=True)
    assert "labels.csv names no row 'train'" in sentence
    rows = of_one_split(records(30), "validation")
    with pytest.raises(RequestError, match="names no row 'test'"):
        finish(dataset(rows, test_drawn=True), settings())


def test_too_few_patients_are_told_as_such(dataset, records):
    sentence = told(dataset, of_one_split(records(2), "train"), test_drawn=True)
    assert sentence.endswith("no setting helps: add images of other patients")
