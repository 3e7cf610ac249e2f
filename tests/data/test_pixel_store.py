import json

import numpy as np
import pytest
from numbered import KEYS, RECIPE, Counting, images, nobody, picture, right

from bench.data.pixel_store import PixelStore
from bench.errors import RequestError


@pytest.fixture
def store(tmp_path):
    return PixelStore(tmp_path, RECIPE)


def test_rows_are_made_once_whatever_they_are_asked_with(store):
    first, second = Counting(), Counting()
    store.fill(KEYS[:8], first, nobody)
    store.fill(KEYS[4:], lambda i: second(i + 4), nobody)
    assert sorted(first.made) == list(range(8))
    assert sorted(second.made) == [8, 9, 10, 11]
    assert right(store)
    assert right(store, KEYS[::-1])


def test_another_recipe_is_another_store(tmp_path, store):
    store.fill(KEYS, picture, nobody)
    assert not PixelStore(tmp_path, {**RECIPE, "version": 2}).rows()
    assert len(PixelStore(tmp_path, dict(RECIPE)).rows()) == len(KEYS)


def test_one_content_under_two_names_is_made_once(store):
    make = Counting(lambda i: picture(7))
    store.fill(["k7", "k7", "k7"], make, nobody)
    assert len(make.made) == 1
    assert right(store, ["k7", "k7"])


def test_rows_of_several_builders_are_indexed_as_one_array(store):
    for start in range(0, 12, 4):
        store.fill(KEYS[start : start + 4], lambda i, s=start: picture(s + i), nobody)
    assert len(list(store.folder.glob("*.pixels"))) == 3
    all_of_them = images(store, KEYS)
    assert all_of_them.shape == (12, 4, 4, 3)
    assert len(all_of_them) == 12
    plain = np.arange(12, dtype=np.uint8)[:, None, None, None] * np.ones((4, 4, 3), np.uint8)
    mask = np.arange(12) % 3 == 0
    for index in (5, -1, np.array([9, 0, 9, 4]), np.array([], int), slice(2, 9, 3), mask):
        np.testing.assert_array_equal(all_of_them[index], plain[index])
    with pytest.raises(IndexError):
        all_of_them[12]


def test_what_is_asked_with_no_images_is_an_empty_array(store):
    store.fill([], picture, nobody)
    assert images(store, [])[np.array([], int)].shape == (0, 4, 4, 3)


def test_pictures_cannot_be_written_to(store):
    store.fill(KEYS, picture, nobody)
    with pytest.raises(ValueError, match="read-only"):
        images(store, KEYS)[3][:] = 0


def test_progress_counts_to_the_end_and_starts_with_what_is_there(store):
    told = []
    store.fill(KEYS[:4], picture, nobody)
    store.fill(KEYS, picture, told.append)
    assert told == list(range(5, 13))


@pytest.mark.parametrize("stop_at", [1, 7, 12])
def test_an_interrupted_build_goes_on_where_it_stopped(store, stop_at):
    def stop(done):
        if done == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.fill(KEYS, picture, stop)
    again = Counting()
    store.fill(KEYS, again, nobody)
    assert len(again.made) == len(KEYS) - stop_at
    assert right(store)


def test_a_picture_that_cannot_be_made_ends_the_build_and_keeps_the_others(store):
    def broken(i):
        if i == 3:
            raise RequestError("number 3 cannot be read")
        return picture(i)

    with pytest.raises(RequestError, match="number 3"):
        store.fill(KEYS, broken, nobody)
    again = Counting()
    store.fill(KEYS, again, nobody)
    assert again.made == [3]
    assert right(store)


def test_skipping_tells_each_picture_that_cannot_be_made(store):
    def broken(i):
        if i in (3, 8):
            raise RequestError(f"number {i} cannot be read")
        return picture(i)

    failed = store.fill(KEYS, broken, nobody, skip=True)
    assert failed == {3: "number 3 cannot be read", 8: "number 8 cannot be read"}
    assert set(KEYS) - set(store.rows()) == {"k3", "k8"}


def test_a_build_that_makes_nothing_leaves_no_files(store):
    def broken(i):
        raise RequestError("no")

    with pytest.raises(RequestError):
        store.fill(KEYS, broken, nobody)
    assert not list(store.folder.glob("*.pixels"))
    assert not list(store.folder.glob("*.jsonl"))


def test_the_recipe_is_told_beside_the_rows(store):
    store.fill(KEYS, picture, nobody)
    assert json.loads((store.folder / "recipe.json").read_text()) == RECIPE
