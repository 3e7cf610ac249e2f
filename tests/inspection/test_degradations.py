import json

import numpy as np
import pytest
from PIL import Image

from bench.data.degradations import KINDS, Degradation
from bench.errors import RequestError
from bench.inspection.degradations import degradation_sheet, sheet


@pytest.fixture
def photograph_file(tmp_path):
    """A wide photograph of a disc cut at top and bottom."""
    rows, columns = np.mgrid[:150, :220]
    disc = (rows - 75) ** 2 + (columns - 110) ** 2 < 85**2
    image = (disc[..., None] * [150, 90, 50]).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / "eye.png")
    return tmp_path / "eye.png"


def test_the_gallery_shows_every_kind_and_stores_its_parameters(photograph_file, tmp_path):
    written = degradation_sheet(photograph_file, tmp_path / "out", strength=2, size_px=96)
    names = ["clean.png", *(f"{kind}.png" for kind in KINDS), "parameters.json", "sheet.png"]
    assert [path.name for path in written] == names
    clean = np.asarray(Image.open(written[0]))
    assert clean.shape == (96, 96, 3)
    parameters = json.loads((tmp_path / "out/parameters.json").read_text())
    assert list(parameters) == list(KINDS)
    for kind in KINDS:
        shown = np.asarray(Image.open(tmp_path / "out" / f"{kind}.png"))
        again = Degradation.from_parameters(parameters[kind])
        assert again.strength == 2
        assert (shown == again.apply(clean, clean.max(axis=2) > 0)).mean() > 0.9


def test_the_gallery_is_the_same_twice_and_differs_between_files(photograph_file, tmp_path):
    other = photograph_file.with_name("other.png")
    other.write_bytes(photograph_file.read_bytes())
    sheets = [
        degradation_sheet(path, tmp_path / f"out{number}", size_px=64)
        for number, path in enumerate([photograph_file, photograph_file, other])
    ]
    first, again, others = ([path.read_bytes() for path in sheet] for sheet in sheets)
    assert first == again
    assert first[0] == others[0]
    assert first[-2] != others[-2]


def test_a_file_that_is_no_image_is_refused(tmp_path):
    broken = tmp_path / "notes.jpg"
    broken.write_text("not an image")
    with pytest.raises(RequestError, match=r"image notes\.jpg cannot be read \(it is "):
        degradation_sheet(broken, tmp_path / "out")
    with pytest.raises(RequestError, match=r"missing\.jpg"):
        degradation_sheet(tmp_path / "missing.jpg", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_radiographs_have_a_gallery_of_draws_and_one_of_severities(photograph_file, tmp_path):
    written = sheet(photograph_file, tmp_path / "out", modality="chest", size_px=96)
    names = [path.name for path in written]
    assert names[0] == "clean.png"
    assert names[-3:] == ["parameters.json", "sheet.png", "corruptions.png"]
    clean = np.asarray(Image.open(written[0]))
    assert (clean == clean[..., :1]).all()
    parameters = json.loads((tmp_path / "out/parameters.json").read_text())
    assert [f"{name}.png" for name in parameters] == names[1:-3]
    mask = np.zeros((96, 96), bool)
    mask[15:81] = True  # 150 rows of 220 columns, padded to a square
    for name, stored in parameters.items():
        shown = np.asarray(Image.open(tmp_path / "out" / f"{name}.png"))
        again = Degradation.from_parameters(stored).apply(clean, mask)
        assert (shown == again)[20:76].mean() > 0.9  # noise at the padding's edge may round


def test_an_unknown_modality_names_the_nearest(photograph_file, tmp_path):
    with pytest.raises(RequestError, match="did you mean 'chest'"):
        sheet(photograph_file, tmp_path, modality="chst")
