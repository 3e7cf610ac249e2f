import numpy as np
import pytest
from PIL import Image

from bench.data.contact_sheet import grid


def test_every_picture_is_on_the_sheet_unchanged(tmp_path):
    pictures = [np.full((20, 30, 3), level, np.uint8) for level in (10, 90, 200)]
    path = grid(pictures, ["a", "b", ""], 2, tmp_path / "new" / "sheet.png", "levels")
    sheet = np.asarray(Image.open(path))
    for level in (10, 90, 200):
        assert (sheet == level).all(axis=2).sum() >= 600


def test_a_title_and_a_caption_leave_ink(tmp_path):
    picture = [np.full((20, 200, 3), 255, np.uint8)]
    plain = np.asarray(Image.open(grid(picture, [""], 1, tmp_path / "a.png")))
    written = np.asarray(Image.open(grid(picture, ["caption"], 1, tmp_path / "b.png")))
    titled = np.asarray(Image.open(grid(picture, [""], 1, tmp_path / "c.png", "title")))
    assert (plain == 255).all()
    assert (written < 128).any()
    assert titled.shape[0] > plain.shape[0]


def test_a_long_caption_stays_under_its_picture(tmp_path):
    pictures = [np.full((20, 40, 3), 255, np.uint8)] * 2
    sheet = np.asarray(Image.open(grid(pictures, ["w" * 200, ""], 2, tmp_path / "s.png")))
    assert (sheet[:, 52:] == 255).all()
    assert (sheet[:, :46] < 128).any()


def test_captions_must_match(tmp_path):
    with pytest.raises(ValueError, match="1 pictures and 2 captions"):
        grid([np.zeros((4, 4, 3), np.uint8)], ["a", "b"], 1, tmp_path / "s.png")
    with pytest.raises(ValueError, match="at least one picture"):
        grid([], [], 1, tmp_path / "s.png")
