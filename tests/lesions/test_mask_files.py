"""How a mask is stored does not change which pixels are lesion; what is no mask is refused."""

import shutil

import numpy as np
import pytest
from drawn_idrid import draw_idrid
from PIL import Image

from bench.data.decode import read_image
from bench.errors import RequestError
from bench.lesions import idrid, lesion_masks, masks
from bench.lesions.idrid import BASE, MASKS, PHOTOGRAPHS, SETS

LESION = np.zeros((30, 40), bool)
LESION[5:9, 10:17] = LESION[20:22, 30:33] = True


def levels(inside: float, outside: float = 0, dtype: type = np.uint8) -> np.ndarray:
    return np.where(LESION, inside, outside).astype(dtype)


def with_alpha(colour, alpha):
    return np.dstack([np.broadcast_to(colour, (*LESION.shape, 3)), alpha]).astype(np.uint8)


def palette(*colours):
    image = Image.fromarray(levels(1), "L").copy()
    image.putpalette(bytes(sum(colours, ())))
    return image


RED = np.where(LESION[..., None], (255, 0, 0), 0).astype(np.uint8)
STORED = {
    "0 and 255": levels(255),
    "0 and 1": levels(1),
    "0 and 2": levels(2),
    "1 bit": Image.fromarray(LESION),
    "red, as published": RED,
    "red, opaque": np.dstack([RED, np.full(LESION.shape, 255, np.uint8)]),
    "red, transparent": np.dstack([RED, levels(0, 255)]),
    "alpha alone, black": with_alpha((0, 0, 0), levels(255)),
    "alpha alone, white": with_alpha((255, 255, 255), levels(255)),
    "alpha of 1": with_alpha((255, 0, 0), levels(1)),
    "palette, red": palette((0, 0, 0), (128, 0, 0)),
    "palette, all black": palette((0, 0, 0), (0, 0, 0)),
    "16 bits": levels(65535, dtype=np.uint16),
    "16 bits, 0 and 1": levels(1, dtype=np.uint16),
    "16 bits, 0 and 255": levels(255, dtype=np.uint16),
    "32 bits": levels(7, dtype=np.int32),
    "floating point": levels(1.0, dtype=np.float32),
}


@pytest.fixture
def stored(tmp_path):
    def store(picture):
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        image.save(tmp_path / "IDRiD_01_HE.tif")
        return tmp_path / "IDRiD_01_HE.tif"

    return store


@pytest.mark.parametrize("how", list(STORED))
def test_a_mask_says_the_same_however_it_is_stored(stored, how):
    np.testing.assert_array_equal(masks.read(stored(STORED[how]), LESION.shape), LESION)


@pytest.mark.parametrize(
    "picture", [np.zeros((30, 40), np.uint8), with_alpha((0, 0, 0), levels(0))]
)
def test_a_mask_without_a_lesion_is_empty(stored, picture):
    assert not masks.read(stored(picture), LESION.shape).any()


@pytest.mark.parametrize(
    "picture",
    [
        levels(0, 255),
        levels(0, 1),
        Image.fromarray(~LESION),
        with_alpha((0, 0, 0), levels(0, 255)),
        np.full((30, 40), 255, np.uint8),
        np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8),
    ],
    ids=["inverted", "ones", "1 bit", "alpha", "all white", "a photograph"],
)
def test_a_mask_that_covers_most_of_the_frame_is_refused_and_not_guessed_at(stored, picture):
    with pytest.raises(RequestError, match=r"IDRiD_01_HE\.tif marks \d+% .* it looks inverted"):
        masks.read(stored(picture), LESION.shape)


def test_half_a_frame_is_a_lesion_and_more_is_not(stored):
    half = np.zeros((30, 40), np.uint8)
    half[:15] = 255
    assert masks.read(stored(half), half.shape).mean() == 0.5
    half[15, 0] = 255
    with pytest.raises(RequestError, match="looks inverted"):
        masks.read(stored(half), half.shape)


def test_edges_that_are_resampled_count_as_before(stored):
    soft = np.array(Image.fromarray(levels(255)).resize((40, 30), box=(0.3, 0.3, 39.7, 29.7)))
    assert len(np.unique(soft)) > 3
    np.testing.assert_array_equal(masks.read(stored(soft), soft.shape), soft > 1)


# ---- the set


@pytest.fixture
def root(tmp_path):
    return draw_idrid(tmp_path / "idrid", training=3)


def folder(root, group):
    return root / BASE / MASKS / SETS["training"] / group


def test_masks_of_ones_teach_detector_and_segmentation_what_those_of_255_do(root, tmp_path):
    ones = shutil.copytree(root, tmp_path / "ones")
    for path in ones.rglob("*_??.tif"):
        Image.fromarray(np.asarray(Image.open(path)) // 255).save(path)
    for whole, small in zip(idrid.read(root), idrid.read(ones), strict=True):
        one, other = idrid.open_image(whole, 96), idrid.open_image(small, 96)
        assert len(one.boxes) and one.boxes.tolist() == other.boxes.tolist()
    one, other = (lesion_masks.read(idrid.read(r), 48, "idrid").masks for r in (root, ones))
    np.testing.assert_array_equal(one, other)


def test_both_readers_refuse_an_inverted_mask(root):
    path = folder(root, "2. Haemorrhages") / "IDRiD_01_HE.tif"
    Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    with pytest.raises(RequestError, match=r"IDRiD_01_HE\.tif .* looks inverted"):
        idrid.open_image(idrid.read(root)[0], 96)
    with pytest.raises(RequestError, match=r"IDRiD_01_HE\.tif .* looks inverted"):
        lesion_masks.read(idrid.read(root), 48, "idrid")


@pytest.mark.parametrize(
    ("new", "ending"), [("IDRiD_02_HE", ".TIF"), ("idrid_02_he", ".tiff"), ("IDRiD_02_HE", ".png")]
)
def test_names_of_masks_may_be_spelled_in_other_ways(root, new, ending):
    before = idrid.open_image(idrid.read(root)[1], 96)
    path = folder(root, "2. Haemorrhages") / "IDRiD_02_HE.tif"
    picture = Image.open(path).copy()
    path.unlink()
    picture.save(path.with_name(new + ending))
    after = idrid.open_image(idrid.read(root)[1], 96)
    assert before.boxes.tolist() == after.boxes.tolist()


@pytest.mark.parametrize("ending", [".JPG", ".TIF", ".bmp"])
def test_endings_of_photographs_may_be_spelled_in_other_ways(root, ending):
    path = root / BASE / PHOTOGRAPHS / SETS["training"] / "IDRiD_02.png"
    Image.open(path).save(path.with_suffix(ending))
    with pytest.raises(RequestError, match=r"IDRiD_02 is there twice \(.*keep one"):
        idrid.read(root)
    path.unlink()
    assert [len(image.masks) for image in idrid.read(root)] == [2, 2, 2]


def test_notes_of_macos_are_passed_over(root):
    before = idrid.read(root)
    for path in list(root.rglob("IDRiD_*")):
        path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07")
    assert idrid.read(root) == before and idrid.unused_masks(root) == []


def test_a_mask_in_the_folder_of_another_lesion_is_refused(root):
    path = folder(root, "2. Haemorrhages") / "IDRiD_02_HE.tif"
    wrong = folder(root, "1. Microaneurysms")
    wrong.mkdir()
    path.rename(wrong / path.name)
    with pytest.raises(RequestError, match=r"IDRiD_02_HE\.tif of haemorrhages lies in 1\. Micro"):
        idrid.read(root)


def test_masks_of_photographs_that_are_not_there_are_named(root):
    group = folder(root, "2. Haemorrhages")
    for name in ("IDRiD_77_HE.tif", "IDRiD_02_HE.jpg"):
        shutil.copy(group / "IDRiD_01_HE.tif", group / name)
    assert idrid.unused_masks(root) == ["IDRiD_02_HE.jpg", "IDRiD_77_HE.tif"]


def test_a_set_without_any_lesion_teaches_no_segmentation(root):
    for path in root.rglob("*_??.tif"):
        Image.fromarray(np.zeros((96, 96), np.uint8)).save(path)
    with pytest.raises(RequestError, match="the masks of all 3 photographs to train on are empty"):
        lesion_masks.read(idrid.read(root), 48, "idrid")


@pytest.mark.real
def test_real_masks_are_read_to_the_pixel_as_before(real_data):
    images = idrid.read(real_data / "idrid")
    paths = [path for image in images for path in image.masks.values()]
    assert len(paths) == 91 and idrid.unused_masks(real_data / "idrid") == []
    proportions = []
    for path in paths:
        before = read_image(path).max(axis=2) > 1
        lesion = masks.read(path, before.shape)
        np.testing.assert_array_equal(lesion, before)
        proportions.append(lesion.mean())
    assert max(proportions) < 0.17  # MOST leaves three times as much
