import json
import threading
import warnings
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from bench.data import cache as caching
from bench.data.degradations import DegradationRecipe
from bench.data.loaders import ImageBatches
from bench.data.pixels import open_images
from bench.errors import DamagedWarning, RequestError


def quiet(*_):
    """Nobody to tell."""


def images_of(made, folder):
    return open_images(
        made.dataset, made.digests, made.degraded, made.protocol, folder=folder, tick=quiet
    )


def test_the_same_image_is_degraded_the_same_way_at_every_ratio(prepared, tmp_path):
    some, more = prepared("0.7"), prepared("1.0")
    both = np.flatnonzero(some.degraded & more.degraded)
    only = np.flatnonzero(~some.degraded & more.degraded)
    pictures = [images_of(made, tmp_path).whole for made in (some, more)]
    np.testing.assert_array_equal(pictures[0].images(both), pictures[1].images(both))
    assert (pictures[0].images(only) != pictures[1].images(only)).any()


def test_only_chosen_images_change_and_each_of_them_does(prepared, tmp_path):
    made = prepared("0.7")
    pictures = images_of(made, tmp_path).for_patches
    every = np.arange(len(made.dataset.records))
    changed = (pictures.images(every) != pictures.clean[every]).any(axis=(1, 2, 3))
    assert not changed[~made.degraded].any()
    # A faint blur of a side of one pixel is published as no blur at all.
    assert changed[made.degraded].mean() > 0.8


def everything(pixels):
    """The clean images and the degraded copies, as arrays."""
    return pixels.clean[:], pixels.degraded[:]


def test_a_cache_filled_again_holds_the_same_bytes(prepared, tmp_path):
    made = prepared()
    first, second = (everything(images_of(made, tmp_path / name).whole) for name in ("a", "b"))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def no_decoding(monkeypatch):
    """From here on, opening an image file fails."""

    def forbid():
        for owner, name in ((Image, "open"), (cv2, "imread"), (cv2, "imdecode")):
            monkeypatch.setattr(owner, name, lambda *_, **__: pytest.fail("an image was decoded"))

    return forbid


def test_a_second_reading_decodes_nothing(prepared, tmp_path, no_decoding):
    made = prepared()
    images_of(made, tmp_path)
    no_decoding()
    images_of(made, tmp_path)
    with pytest.raises(pytest.fail.Exception):
        images_of(made, tmp_path / "another cache")


def test_a_training_epoch_over_the_cache_decodes_nothing(prepared, tmp_path, no_decoding):
    made = prepared()
    images_of(made, tmp_path)
    no_decoding()
    pixels, labels = images_of(made, tmp_path).whole, made.dataset.labels()[:, 0]
    indices = made.dataset.where("train")
    batches = ImageBatches(pixels, indices, labels, 4, lambda images, _: images, (0, "test"))
    seen = [batch["images"] for batch in batches.epoch(0)]
    assert sum(len(images) for images in seen) == len(indices) // 4 * 4
    assert all(images.float().std() > 1 for images in seen)


def test_another_selection_of_the_same_images_decodes_nothing(prepared, tmp_path, no_decoding):
    """Rows are kept by content: a subset, another ratio, an image more or less reuse them."""
    images_of(prepared("0.7"), tmp_path)
    some, more = prepared("0.7", "data.limit=30"), prepared("native")
    no_decoding()
    subset, whole = images_of(some, tmp_path).whole, images_of(more, tmp_path).whole
    ids = [record.image_id for record in more.dataset.records]
    where = [ids.index(record.image_id) for record in some.dataset.records]
    assert len(where) < len(ids)
    np.testing.assert_array_equal(subset.clean[:], whole.clean[np.array(where)])


def test_copies_degraded_for_one_share_serve_another(prepared, tmp_path, monkeypatch):
    some, more = prepared("0.7"), prepared("1.0")
    images_of(some, tmp_path)
    degrade, done = DegradationRecipe.apply, []

    def noting(*given, image_id, **more):
        done.append(image_id)
        return degrade(*given, image_id=image_id, **more)

    monkeypatch.setattr(DegradationRecipe, "apply", noting)
    images_of(more, tmp_path)
    new = np.flatnonzero(more.degraded & ~some.degraded)
    assert sorted(done) == sorted(more.dataset.records[i].image_id for i in new)


@pytest.mark.parametrize("pattern", ["*.pixels", "*.jsonl"])
def test_a_damaged_cache_is_not_used_but_mended(prepared, tmp_path, pattern):
    made = prepared()
    before = everything(images_of(made, tmp_path).for_patches)
    for path in (tmp_path / "images").rglob(pattern):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    after = everything(images_of(made, tmp_path).for_patches)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("version", ["CROP_VERSION", "DECODE_VERSION"])
def test_another_way_of_cropping_or_decoding_is_another_cache(
    prepared, tmp_path, monkeypatch, version
):
    made = prepared("0.7")
    images_of(made, tmp_path)
    stores = len(list((tmp_path / "images").iterdir()))
    images_of(made, tmp_path)
    assert len(list((tmp_path / "images").iterdir())) == stores
    monkeypatch.setattr(caching, version, 99)
    images_of(made, tmp_path)
    assert len(list((tmp_path / "images").iterdir())) == 2 * stores


def test_another_strength_is_another_copy_of_the_same_photograph(prepared, tmp_path):
    mild, strong = (
        images_of(prepared("0.7", f"degradation.strength={s}"), tmp_path).whole for s in (1, 3)
    )
    assert (mild.degraded[:] != strong.degraded[:]).any()
    np.testing.assert_array_equal(mild.clean[:], strong.clean[:])


def test_one_photograph_under_two_names_has_two_degraded_copies(small_set, prepared, tmp_path):
    """What is drawn goes by the name."""
    made = prepared("1.0")
    twice = [replace(r, path=made.dataset.records[1].path) for r in made.dataset.records]
    digests = caching.content_digests(twice, tmp_path)
    where = {"cache": tmp_path, "tick": quiet}
    entry = caching.clean(twice, digests, size_px=64, **where)
    chosen, how = np.arange(8), DegradationRecipe.of(made.protocol, "fundus")
    copies = caching.degraded(entry, twice, chosen, how, data_seed=0, **where)
    assert (entry.images[:8] == entry.images[0]).all()
    assert (copies.images[:] != copies.images[0]).any(axis=(1, 2, 3)).sum() >= 6


def test_progress_is_told_step_by_step(prepared, tmp_path):
    made, told = prepared(), []
    open_images(
        made.dataset,
        made.digests,
        made.degraded,
        made.protocol,
        folder=tmp_path,
        tick=lambda *message: told.append(message),
    )
    count = len(made.dataset.records)
    reading = [(done, total) for what, done, total in told if what == "reading images"]
    assert reading == [(i, count) for i in range(1, count + 1)]
    assert {what for what, _, _ in told} == {"reading images", "degrading", "resizing"}


def test_readers_and_builders_in_several_threads_agree(prepared, tmp_path):
    made, seen = prepared(), []
    threads = [
        threading.Thread(target=lambda: seen.append(images_of(made, tmp_path).whole.clean[:]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert all((each == seen[0]).all() for each in seen)


def test_patches_are_cut_where_they_are_said_to_be(prepared, tmp_path):
    pictures = images_of(prepared(), tmp_path).for_patches
    index = np.array([0, 5])
    at = np.array([[3, 7], [20, 1]])
    cut = pictures.patches(index, at, patch_px=16, undegraded=np.array([True, False]))
    np.testing.assert_array_equal(cut[0], pictures.clean[0][7:23, 3:19])
    np.testing.assert_array_equal(cut[1], pictures.images(np.array([5]))[0][1:17, 20:36])


def broken_copy(made, tmp_path, *places):
    """The data set's records, some of them with a file that is no image."""
    rows = list(made.dataset.records)
    for place in places:
        path = tmp_path / f"{place}.png"
        path.write_bytes(rows[place].path.read_bytes()[:300])
        rows[place] = replace(rows[place], path=path)
    return rows


def test_a_corrupt_image_ends_the_reading_by_name_and_the_others_are_kept(
    prepared, tmp_path, no_decoding
):
    made = prepared()
    rows = broken_copy(made, tmp_path, 4)
    where = {"size_px": 64, "cache": tmp_path, "tick": quiet}
    with pytest.raises(RequestError, match=r"image 4\.png cannot be read .*`bench prepare`"):
        caching.clean(rows, caching.content_digests(rows, tmp_path), **where)
    rest = rows[:4]
    no_decoding()
    assert len(caching.clean(rest, caching.content_digests(rest, tmp_path), **where).images) == 4


def test_all_corrupt_images_are_found_in_one_pass(prepared, tmp_path):
    rows = broken_copy(prepared(), tmp_path, 4, 17, 39)
    digests = caching.content_digests(rows, tmp_path)
    failed = caching.unreadable(rows, digests, size_px=64, cache=tmp_path, tick=quiet)
    assert sorted(failed) == [4, 17, 39]
    assert all(f"{i}.png cannot be read" in why for i, why in failed.items())


def test_a_missing_file_is_named(tmp_path, records):
    with pytest.raises(RequestError, match="'0_right' of the label file is not at"):
        caching.content_digests(records(1), tmp_path)


def test_digests_are_remembered_until_a_file_changes(tmp_path, records):
    path = tmp_path / "a.png"
    rows = [replace(records(1)[0], path=path)]
    path.write_bytes(b"one")
    first, told = caching.content_digests(rows, tmp_path / "cache"), []
    again = caching.content_digests(rows, tmp_path / "cache", lambda *message: told.append(message))
    assert (again, told) == (first, [])
    path.write_bytes(b"another")
    assert caching.content_digests(rows, tmp_path / "cache") != first
    assert len(json.loads((tmp_path / "cache" / "digests.json").read_text())["value"]) == 2


def test_digests_are_kept_when_the_reading_of_files_is_interrupted(tmp_path, records):
    rows = [replace(r, path=tmp_path / f"{r.image_id}.png") for r in records(5)]
    for row in rows:
        row.path.write_bytes(row.image_id.encode())

    def stop(what, done, total):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        caching.content_digests(rows, tmp_path / "cache", stop)
    told = []
    caching.content_digests(rows, tmp_path / "cache", lambda *message: told.append(message))
    assert told == [("reading files", done, 10) for done in range(5, 11)]


@pytest.mark.parametrize("note", ["", "{", "[]", "\x00"])
def test_a_damaged_note_of_digests_is_not_believed(tmp_path, records, note):
    path = tmp_path / "a.png"
    rows = [replace(records(1)[0], path=path)]
    path.write_bytes(b"one")
    first = caching.content_digests(rows, tmp_path)
    (tmp_path / "digests.json").write_text(note)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamagedWarning)
        assert caching.content_digests(rows, tmp_path) == first
