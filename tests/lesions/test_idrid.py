import shutil
from pathlib import Path

import numpy as np
import pytest
from drawn_idrid import draw_idrid
from PIL import Image

from bench.errors import RequestError
from bench.lesions import idrid
from bench.lesions.idrid import BASE, KINDS, MASKS, PHOTOGRAPHS, SETS, LesionSet
from bench.protocol.presets import derive, named


@pytest.fixture
def root(tmp_path):
    return draw_idrid(tmp_path / "idrid")


def mask_path(root, group="2. Haemorrhages/IDRiD_02_HE.tif"):
    return root / BASE / MASKS / SETS["training"] / group


def test_photographs_come_with_the_masks_that_there_are(root):
    images = idrid.read(root)
    assert [image.image_id for image in images] == [f"IDRiD_0{n}" for n in (1, 2, 3, 4)]
    assert all(list(image.masks) == ["haemorrhages", "hard exudates"] for image in images)


def test_the_folder_may_be_given_with_or_without_its_first_level(root):
    assert idrid.read(root) == idrid.read(root / BASE)


def test_boxes_lie_around_the_lesions_of_the_crop(root):
    opened = idrid.open_image(idrid.read(root)[0], 192)
    assert opened.image.shape == (192, 192, 3)
    assert [KINDS[kind] for kind in opened.kinds] == ["haemorrhages"] * 2 + ["hard exudates"]
    for (x0, y0, x1, y1), kind in zip(opened.boxes, opened.kinds, strict=True):
        middle = opened.image[round((y0 + y1) / 2), round((x0 + x1) / 2)]
        assert (middle[0] > 200) == (KINDS[kind] == "hard exudates")
        # A side of 0.12 or 0.10 of the frame, a pixel more on each side, the field 0.92 of it.
        side = (round((0.12 if middle[0] < 200 else 0.10) * 96) + 2) / 96 / 0.92 * 192
        assert x1 - x0 == pytest.approx(side, abs=4)  # two pixels of the photograph
        assert y1 - y0 == pytest.approx(side, abs=4)


def test_boxes_scale_with_the_crop(root):
    small, large = (idrid.open_image(idrid.read(root)[0], size) for size in (96, 288))
    np.testing.assert_allclose(3 * small.boxes, large.boxes, atol=1e-9)


def test_without_a_testing_set_a_seeded_share_is_held_out(root):
    images = idrid.read(root)
    parts = [
        [image.image_id for image in idrid.hold_out(images, proportion=0.25, seed=seed)[1]]
        for seed in range(8)
    ]
    assert parts[0] == [
        i.image_id for i in idrid.hold_out(images[::-1], proportion=0.25, seed=0)[1]
    ]
    assert {len(part) for part in parts} == {1}
    assert len({tuple(part) for part in parts}) > 1
    training, held = idrid.hold_out(images, proportion=0.5, seed=0)
    assert len(training) == len(held) == 2
    assert {i.image_id for i in training} | {i.image_id for i in held} == {
        i.image_id for i in images
    }


def test_a_testing_set_is_what_is_held_out(tmp_path):
    images = idrid.read(draw_idrid(tmp_path, training=3, testing=2))
    training, held = idrid.hold_out(images, proportion=0.9, seed=0)
    assert [image.set for image in training] == ["training"] * 3
    assert [image.set for image in held] == ["testing"] * 2


def test_one_photograph_leaves_none_to_train_on(tmp_path):
    images = idrid.read(draw_idrid(tmp_path, training=1))
    with pytest.raises(RequestError, match="leave none to train on"):
        idrid.hold_out(images, proportion=0.1, seed=0)


def test_the_digest_is_that_of_the_contents(root, tmp_path):
    before = LesionSet("idrid", root).digest
    moved = Path(shutil.copytree(root, tmp_path / "elsewhere"))
    assert LesionSet("idrid", moved).digest == before
    Image.fromarray(np.full((96, 96), 255, np.uint8)).save(mask_path(moved))
    assert LesionSet("idrid", moved).digest != before


def test_the_companions_digest_is_that_of_what_it_is_drawn_from(tmp_path):
    sets = [
        idrid.companion(derive(named("laptop"), [f"detector.companion_images={count}"]), tmp_path)
        for count in (6, 6, 7)
    ]
    assert sets[0].digest == sets[1].digest != sets[2].digest
    assert not list(tmp_path.iterdir())


def test_photographs_without_any_mask_are_refused(root):
    for group in ("2. Haemorrhages/IDRiD_02_HE.tif", "3. Hard Exudates/IDRiD_02_EX.tif"):
        mask_path(root, group).unlink()
    with pytest.raises(RequestError, match=r"1 of 4 photographs have no mask .*IDRiD_02"):
        idrid.read(root)


def test_a_folder_without_photographs_says_what_the_layout_is(tmp_path):
    with pytest.raises(RequestError, match=f"no photograph .*{PHOTOGRAPHS}"):
        idrid.read(tmp_path)


def test_a_mask_of_another_size_is_refused(root):
    Image.fromarray(np.full((50, 60), 255, np.uint8)).save(mask_path(root))
    with pytest.raises(RequestError, match=r"IDRiD_02_HE.tif is 60 x 50 px .* 96 x 96"):
        idrid.open_image(idrid.read(root)[1], 96)


def test_a_broken_mask_is_named(root):
    mask_path(root).write_bytes(b"not a picture")
    with pytest.raises(RequestError, match="IDRiD_02_HE"):
        idrid.open_image(idrid.read(root)[1], 96)


def test_the_folder_is_found_where_the_user_keeps_data(root, monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_DATA", str(root.parent))
    assert idrid.find() == root
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "nothing"))
    assert idrid.find() is None
    assert idrid.find(root) == root
    with pytest.raises(RequestError, match="no such folder"):
        idrid.find(tmp_path / "nothing")


@pytest.mark.real
def test_every_real_photograph_has_lesions_inside_its_field_of_view(real_data):
    images = idrid.read(real_data / "idrid")
    assert len(images) == 27
    training, held = idrid.hold_out(images, proportion=7 / 27, seed=0)
    assert (len(training), len(held)) == (20, 7)
    for image in held:
        opened = idrid.open_image(image, 512)
        assert len(opened.boxes) > 10
        assert (opened.boxes >= 0).all() and (opened.boxes <= 512).all()
        centres = (opened.boxes[:, :2] + opened.boxes[:, 2:]) / 2
        lit = opened.image[centres[:, 1].astype(int), centres[:, 0].astype(int)].max(axis=1)
        assert (lit > 10).mean() > 0.95  # the rim is dark, and masks reach a pixel beyond a cut
