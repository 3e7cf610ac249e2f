"""Images of a method that needs more pixels than all others: cut from the files, degraded alike."""

import cv2
import numpy as np

from bench.data.decode import photograph
from bench.data.degradations import DegradationRecipe
from bench.data.pixels import open_images

OWN = 96


def own_images(made, folder, own_px: int | None = OWN):
    return open_images(
        made.dataset,
        made.digests,
        made.degraded,
        made.protocol,
        folder=folder,
        tick=lambda *_: None,
        own_px=own_px,
    )


def test_an_input_larger_than_what_methods_share_is_cut_from_the_files(prepared, tmp_path):
    """Photographs of 64 px and a shared size of 32: 48 px hold more than 32 enlarged."""
    made = prepared("0.7", "data.patch_image_px=32")
    images = own_images(made, tmp_path, own_px=48)
    assert images.own is not None
    record = made.dataset.records[3]
    expected, _ = photograph(record.path, 48)
    assert (images.own.clean[np.array([3])][0] == expected).all()
    enlarged = cv2.resize(images.whole.clean[np.array([3])][0], (48, 48))
    assert np.abs(expected.astype(int) - enlarged).max() > 10
    assert own_images(made, tmp_path, own_px=None).own is None


def test_an_own_image_is_degraded_as_the_shared_one_is(prepared, tmp_path):
    made = prepared("0.7")
    images = own_images(made, tmp_path)
    assert images.own is not None
    recipe = DegradationRecipe.of(made.protocol, "fundus")
    for index in np.flatnonzero(made.degraded)[:4]:
        name = made.dataset.records[index].image_id
        square, field = photograph(made.dataset.records[index].path, OWN)
        seed = made.protocol.data.data_seed
        expected, drawn = recipe.apply(square, field.mask(OWN), data_seed=seed, image_id=name)
        assert (images.own.images(np.array([index]))[0] == expected).all()
        assert drawn.parameters() == images.parameters[name]
    clean = np.flatnonzero(~made.degraded)[:4]
    assert (images.own.images(clean) == images.own.clean[clean]).all()


def test_the_side_of_every_file_is_known(prepared, tmp_path):
    images = own_images(prepared("native"), tmp_path)
    assert len(images.sides_px) == len(images.whole.clean)
    # A drawn field of view nearly fills the frame of 64 px.
    assert ((images.sides_px > 50) & (images.sides_px < 70)).all()
