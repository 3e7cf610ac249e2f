from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data import cache as caching
from bench.data.pixels import open_images
from bench.errors import RequestError
from bench.request import Request, prepare


def quiet(*_):
    """Nobody to tell."""


@pytest.fixture
def prepared(small_set, cache, tiny, tmp_path):
    def make(ratio="0.7", *changes):
        request = Request(
            "resnet50",
            "folder",
            ratio,
            protocol="smoke",
            changes=(*tiny, *changes),
            data=small_set,
            results=tmp_path,
            cache=cache,
        )
        return prepare(request, quiet)

    return make


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


def test_a_cache_filled_again_holds_the_same_bytes(prepared, tmp_path):
    made = prepared()
    first, second = (images_of(made, tmp_path / name).whole for name in ("a", "b"))
    np.testing.assert_array_equal(first.degraded, second.degraded)
    np.testing.assert_array_equal(first.clean, second.clean)


def test_a_second_reading_decodes_nothing(prepared, tmp_path, monkeypatch):
    made = prepared()
    images_of(made, tmp_path)
    monkeypatch.setattr(caching, "read_image", lambda path: pytest.fail(f"{path} decoded again"))
    images_of(made, tmp_path)


def test_another_strength_is_another_cache(prepared, tmp_path):
    mild, strong = (
        images_of(prepared("0.7", f"degradation.strength={s}"), tmp_path).whole for s in (1, 3)
    )
    assert (mild.degraded != strong.degraded).any()
    np.testing.assert_array_equal(mild.clean, strong.clean)


def test_a_failed_build_leaves_nothing(tmp_path):
    def broken(i):
        raise RequestError("image 3 cannot be read")

    with pytest.raises(RequestError):
        caching._build(tmp_path / "entry", 5, 8, broken, quiet)
    assert list(tmp_path.iterdir()) == []


def test_patches_are_cut_where_they_are_said_to_be(prepared, tmp_path):
    pictures = images_of(prepared(), tmp_path).for_patches
    index = np.array([0, 5])
    at = np.array([[3, 7], [20, 1]])
    cut = pictures.patches(index, at, patch_px=16, undegraded=np.array([True, False]))
    np.testing.assert_array_equal(cut[0], pictures.clean[0][7:23, 3:19])
    np.testing.assert_array_equal(cut[1], pictures.images(np.array([5]))[0][1:17, 20:36])


def test_exif_rotation_is_applied(tmp_path):
    image = Image.new("RGB", (40, 20), "red")
    exif = image.getexif()
    exif[0x0112] = 6  # turned by 90 degrees
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert caching.read_image(tmp_path / "turned.jpg").shape == (40, 20, 3)


def test_a_missing_file_is_named(tmp_path, records):
    with pytest.raises(RequestError, match="'0_right' of the label file is not at"):
        caching.content_digests(records(1), tmp_path)


def test_digests_are_remembered_until_a_file_changes(tmp_path, records):
    from dataclasses import replace

    path = tmp_path / "a.png"
    rows = [replace(records(1)[0], path=path)]
    path.write_bytes(b"one")
    first = caching.content_digests(rows, tmp_path / "cache")
    assert caching.content_digests(rows, tmp_path / "cache") == first
    path.write_bytes(b"another")
    assert caching.content_digests(rows, tmp_path / "cache") != first
    assert Path(tmp_path / "cache" / "digests.json").is_file()
