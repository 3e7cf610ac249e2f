"""Which pictures are asked about: those that look like radiographs, and no photograph."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bench.data.modality import like_radiograph, refuse_radiographs
from bench.data.twin.draw import photograph
from bench.errors import RequestError


def of_fundus(number, size_px=64):
    drawn = photograph(str(number), 1, grade=number % 5, quality=0, size_px=size_px, seed=0)
    return drawn.image


def of_chest(number, size_px=96):
    grey = np.random.default_rng(number).integers(60, 200, (size_px, size_px), dtype=np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.fixture
def saved(tmp_path, records):
    def save(*pictures):
        paths = [tmp_path / f"{number}.png" for number in range(len(pictures))]
        for path, picture in zip(paths, pictures, strict=True):
            Image.fromarray(picture).save(path)
        rows = records(len(paths), eyes=1)
        return [replace(row, path=path) for row, path in zip(rows, paths, strict=True)]

    return save


def test_photographs_are_no_radiographs(saved):
    refuse_radiographs(saved(*(of_fundus(number) for number in range(12))), "folder")


def test_radiographs_are_asked_about(saved):
    with pytest.raises(RequestError, match=r"5 of 5 pictures .*modality = \"chest\" or \"fundus\""):
        refuse_radiographs(saved(*(of_chest(number) for number in range(12))), "folder")


def test_the_most_decide(saved):
    few = saved(*(of_chest(0) if number < 4 else of_fundus(number) for number in range(9)))
    refuse_radiographs(few, "folder")
    many = saved(*(of_chest(0) if number < 5 else of_fundus(number) for number in range(9)))
    with pytest.raises(RequestError, match="pictures looked at"):
        refuse_radiographs(many, "folder")


def test_a_grey_photograph_with_black_corners_is_a_photograph():
    grey = np.repeat(of_fundus(3).mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert not like_radiograph(grey)
    assert like_radiograph(of_chest(1))


def test_what_is_missing_or_no_picture_says_nothing(saved, tmp_path):
    rows = saved(of_chest(0), of_chest(1))
    rows[0].path.unlink()
    rows[1].path.write_bytes(b"no picture")
    refuse_radiographs(rows, "folder")


@pytest.mark.real
def test_real_photographs_are_not_asked_about_and_real_radiographs_are(real_data, records):
    def rows(pattern):
        paths = sorted(real_data.glob(pattern))
        return [
            replace(row, path=p) for row, p in zip(records(len(paths), eyes=1), paths, strict=True)
        ]

    refuse_radiographs(rows("fundus-srahim/images/**/*.*"), "folder")
    refuse_radiographs(rows("idrid/**/*.jpg"), "folder")
    with pytest.raises(RequestError, match="radiographs"):
        refuse_radiographs(rows("chestxray14/images/*.png"), "folder")
