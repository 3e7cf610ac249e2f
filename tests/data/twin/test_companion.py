import numpy as np
import pytest
from PIL import Image

from bench.data.twin import write_idrid
from bench.lesions import idrid


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Three photographs by one process, and how many were told of."""
    root, reports = tmp_path_factory.mktemp("drawn") / "one", []
    write_idrid(root, images=3, size_px=128, on_image=lambda: reports.append(1))
    return root, reports


def test_each_image_is_told_of(drawn):
    root, reports = drawn
    assert len(reports) == len(idrid.read(root)) == 3


def test_the_number_of_workers_changes_nothing(drawn, tmp_path):
    root, _ = drawn
    write_idrid(tmp_path / "two", images=3, size_px=128, workers=2)
    files = sorted(path.relative_to(root) for path in root.rglob("*.*") if path.is_file())
    assert len(files) > 12
    for path in files:
        assert (root / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def test_the_optic_disc_is_where_its_mask_says(drawn):
    """Nothing else of its size is as bright: the disc's median is far above its surroundings'."""
    root, _ = drawn
    for image in idrid.read(root):
        mask_path = next(root.rglob(f"{image.image_id}_OD.tif"))
        disc = np.asarray(Image.open(mask_path)) > 0
        # A disc diameter is 0.28 of the field's radius, 0.93 to 0.985 of 64 px, give or take 15 %.
        assert np.sqrt(disc.sum() * 4 / np.pi) == pytest.approx(0.28 * 0.957 * 64, rel=0.2)
        green = np.asarray(Image.open(image.path))[..., 1].astype(float)
        field = green > 15
        assert np.median(green[disc]) > 1.2 * np.median(green[field & ~disc])


def test_masks_open_with_a_box_a_lesion(drawn):
    root, _ = drawn
    for image in idrid.read(root):
        opened = idrid.open_image(image, 128)
        assert len(opened.boxes) > 5
        sides = opened.boxes[:, 2:] - opened.boxes[:, :2]
        assert (sides > 0).all() and (sides < 64).all()
