import numpy as np
import pytest

from bench.data.chest_twin import write_chestxray
from bench.data.decode import read_image
from bench.data.twin.draw import photograph
from bench.data.unusable import why_unusable


def flat(height, width, colour=(0, 0, 0)):
    return np.full((height, width, 3), colour, np.uint8)


def noisy(image, levels, proportion=1.0):
    rng = np.random.default_rng(0)
    noise = rng.integers(-levels, levels + 1, image.shape)
    noise[rng.random(image.shape[:2]) >= proportion] = 0
    return np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (flat(1, 400, (90, 20, 3)), "is 400 x 1 px, too small to show anything"),
        (noisy(flat(900, 7, (90, 90, 90)), 90), "is 7 x 900 px, too small to show anything"),
        (noisy(flat(20, 161), 90), "is 161 x 20 px, more than 8 times as long as wide"),
        (flat(300, 400), "is black all over"),
        (noisy(flat(300, 400, (4, 4, 4)), 4), "is black all over"),
        (flat(300, 400, (255, 255, 255)), "is one colour all over"),
        (np.tile(noisy(flat(300, 400, (200, 90, 40)), 3), (5, 5, 1)), "is one colour all over"),
        (noisy(flat(300, 400), 90, proportion=0.0005), "is black all over"),
    ],
)
def test_a_picture_that_shows_nothing_is_named(image, why):
    assert why_unusable(image) == why


@pytest.mark.parametrize(
    "image",
    [
        noisy(flat(8, 8, (90, 90, 90)), 60),
        noisy(flat(20, 160, (90, 90, 90)), 60),
        noisy(flat(300, 400), 90, proportion=0.005),
        noisy(flat(300, 400, (6, 6, 6)), 6),
    ],
    ids=["small", "long", "a glimmer", "dark"],
)
def test_a_poor_picture_is_a_picture(image):
    assert why_unusable(image) is None


@pytest.mark.parametrize("size_px", [32, 256])
@pytest.mark.parametrize("quality", [0, 1, 2])
def test_no_drawn_picture_is_refused(size_px, quality):
    for grade in range(5):
        drawn = photograph("7", 1, grade=grade, quality=quality, size_px=size_px, seed=0)
        assert why_unusable(drawn.image) is None


def test_no_drawn_radiograph_is_refused(tmp_path):
    write_chestxray(tmp_path / "x", train=30, test=10, size_px=64, seed=0, workers=1)
    paths = sorted((tmp_path / "x").rglob("*.png"))
    assert len(paths) == 40
    assert not [path.name for path in paths if why_unusable(read_image(path)) is not None]


@pytest.mark.real
def test_no_real_picture_is_refused(real_data):
    endings = (".jpg", ".jpeg", ".png")
    paths = [path for path in sorted(real_data.rglob("*")) if path.suffix.lower() in endings]
    assert len(paths) > 1700
    assert not [path.name for path in paths if why_unusable(read_image(path)) is not None]
