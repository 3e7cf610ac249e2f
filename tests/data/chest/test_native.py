"""Radiographs at NIH's own size through the cache: against Pillow and numpy alone."""

import numpy as np
import pytest
from PIL import Image

from bench.data import cache as caching
from bench.data.records import Record

ROUNDED = 0.5 + 1e-3  # half a grey level for a rounding; OpenCV weighs areas in float32


def quiet(*_):
    """Nobody to tell."""


def records_of(paths):
    return [Record(p.stem, p, p.stem[:8], (0,) * 8, 0, "train") for p in paths]


def kind(path):
    """A file's mode and size, as Pillow tells them."""
    with Image.open(path) as image:
        return image.mode, image.size


def block_means(path, size_px):
    """Each pixel the mean of the block of grey that it stands for, float64, alpha left out."""
    with Image.open(path) as image:
        stored = np.asarray(image, dtype=np.float64)
    grey = stored if stored.ndim == 2 else stored[..., 0]
    times = grey.shape[0] // size_px
    return grey.reshape(size_px, times, size_px, times).mean(axis=(1, 3))


@pytest.fixture
def cached(tmp_path):
    def make(paths, size_px, *, then=None):
        records, where = records_of(paths), {"cache": tmp_path / "cache", "tick": quiet}
        digests = caching.content_digests(records, where["cache"])
        entry = caching.clean(records, digests, size_px=size_px, modality="chest", **where)
        return entry if then is None else caching.smaller(entry, size_px=then, **where)

    return make


@pytest.fixture
def native(real_data):
    paths = sorted((real_data / "chestxray14" / "images-native").iterdir())
    assert len(paths) == 31
    return paths


@pytest.mark.real
def test_native_radiographs_are_cached_as_the_means_of_their_blocks(native, cached):
    entry = cached(native, 256)
    kinds = set()
    for i, path in enumerate(native):
        square, expected = entry.images[i], block_means(path, 256)
        kinds.add(kind(path))
        assert square.shape == (256, 256, 3) and square.dtype == np.uint8
        assert (square == square[..., :1]).all()
        np.testing.assert_allclose(square[..., 0], expected, atol=ROUNDED, rtol=0)
        assert abs(square.mean() - expected.mean()) <= ROUNDED
    assert kinds == {("L", (1024, 1024)), ("RGBA", (1024, 1024)), ("L", (512, 512))}


@pytest.mark.real
def test_a_smaller_copy_is_rounded_twice_and_no_further_off(native, cached):
    entry = cached(native, 256, then=64)
    for i, path in enumerate(native):
        expected = block_means(path, 64)
        np.testing.assert_allclose(entry.images[i][..., 0], expected, atol=2 * ROUNDED, rtol=0)


@pytest.mark.real
def test_the_one_of_512_px_is_itself_at_its_own_size(native, cached):
    (small,) = [path for path in native if kind(path)[1] == (512, 512)]
    entry = cached([small], 512)
    np.testing.assert_array_equal(entry.images[0][..., 0], block_means(small, 512))
    assert entry.details[0]["x1"] == 512  # boxes are mapped by the file's own size


@pytest.mark.real
def test_native_radiographs_are_all_different_pictures(native, cached):
    """The comparison with a wrong file is far outside the tolerance."""
    entry = cached(native, 256)
    for i in range(len(native)):
        other = block_means(native[i - 1], 256)
        assert np.abs(entry.images[i][..., 0] - other).mean() > 10 * ROUNDED


def test_alpha_is_ignored_and_a_size_of_its_own_is_scaled(tmp_path, cached):
    rng = np.random.default_rng(0)
    grey, alpha = rng.integers(0, 256, (2, 96, 96), dtype=np.uint8)
    Image.fromarray(np.dstack([grey, grey, grey, alpha])).save(tmp_path / "rgba.png")
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey.repeat(2, axis=0).repeat(2, axis=1)).save(tmp_path / "large.png")
    entry = cached([tmp_path / f"{name}.png" for name in ("rgba", "grey", "large")], 32)
    np.testing.assert_array_equal(entry.images[0], entry.images[1])
    np.testing.assert_array_equal(entry.images[2], entry.images[1])
    expected = block_means(tmp_path / "grey.png", 32)
    np.testing.assert_allclose(entry.images[0][..., 0], expected, atol=ROUNDED, rtol=0)
