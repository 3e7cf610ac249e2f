import cv2
import numpy as np
import pytest
from PIL import Image

from bench.data.chest.quality import lowest, measures, quality
from bench.data.records import Record
from bench.errors import RequestError
from bench.protocol.chest import ChestSettings


def quiet(*_):
    """Nobody to tell."""


def grain(seed, side=256, spread=40.0):
    rng = np.random.default_rng(seed)
    smooth = cv2.GaussianBlur(rng.normal(0, 1, (side, side)), (0, 0), 12)
    return np.clip(128 + spread * smooth / smooth.std(), 0, 255)


@pytest.fixture
def images(tmp_path):
    """Ten radiographs, the last three blurred and washed out, and their views."""
    records = []
    for n in range(10):
        picture = grain(n) + np.random.default_rng(100 + n).normal(0, 2, (256, 256))
        if n >= 7:
            picture = 128 + 0.2 * (cv2.GaussianBlur(picture, (0, 0), 6) - 128)
        path = tmp_path / f"i{n}.png"
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path)
        records.append(Record(f"i{n}", path, f"p{n}", (0,), 0, "train"))
    return records, ["AP" if n % 3 == 0 else "PA" for n in range(10)]


def known(images, tmp_path, **changed):
    records, views = images
    return quality(records, views, ChestSettings(**changed), cache=tmp_path / "cache", tick=quiet)


def test_synthetic_quality_is_left_to_the_degradation(images, tmp_path):
    result = known(images, tmp_path)
    assert result.codes == [0] * 10
    assert result.synthetic_proportion == 0.432
    assert "43.2%" in result.sentence


def test_by_view_a_portable_radiograph_is_low(images, tmp_path):
    result = known(images, tmp_path, quality="view_ap")
    assert [n for n, code in enumerate(result.codes) if code] == [0, 3, 6, 9]
    assert result.synthetic_proportion == 0


def test_measured_quality_finds_the_blurred_and_flat(images, tmp_path):
    result = known(images, tmp_path, quality="proxy_iqa", low_share=0.3)
    assert [n for n, code in enumerate(result.codes) if code] == [7, 8, 9]


def test_measured_quality_is_remembered_by_content(images, tmp_path):
    reports, (records, views) = [], images
    options = {"quality": "proxy_iqa", "low_share": 0.3}
    first = known(images, tmp_path, **options)
    again = quality(
        records,
        views,
        ChestSettings(**options),
        cache=tmp_path / "cache",
        tick=lambda *message: reports.append(message[0]),
    )
    assert first == again
    assert "measuring quality" not in reports


def test_qualities_of_a_file_are_taken_as_they_are(images, tmp_path):
    lines = [f"i{n}.png,{n % 3}" for n in range(10)]
    file = tmp_path / "mine.csv"
    file.write_text("\n".join(["image,quality", *lines]))
    result = known(images, tmp_path, quality="external", quality_file=str(file))
    assert result.codes == [n % 3 for n in range(10)]
    assert "mine.csv" in result.sentence


@pytest.mark.parametrize(
    ("lines", "message"),
    [(["i0,0"], "no quality of 9 images .i1"), ([f"i{n},3" for n in range(10)], "not 3")],
)
def test_a_file_that_leaves_something_open_is_refused(images, tmp_path, lines, message):
    (tmp_path / "mine.csv").write_text("\n".join(["image,quality", *lines]))
    with pytest.raises(RequestError, match=message):
        known(images, tmp_path, quality="external", quality_file=str(tmp_path / "mine.csv"))


@pytest.mark.parametrize(
    "changed", [{"quality": "external"}, {"quality": "view_ap", "quality_file": "mine.csv"}]
)
def test_a_file_and_its_source_belong_together(images, tmp_path, changed):
    with pytest.raises(RequestError, match="external needs a file"):
        known(images, tmp_path, **changed)


def test_noise_is_measured_as_the_standard_deviation_that_was_added():
    """Immerkaer's estimate of white noise of 8 levels on a flat image, to within 3 %."""
    flat = np.clip(np.random.default_rng(0).normal(128, 8, (256, 256)).round(), 0, 255)
    _, contrast, _, noise = measures(flat.astype(np.uint8))
    assert noise == pytest.approx(8 / 255, rel=0.03)
    assert contrast == pytest.approx(8 / 255, rel=0.03)


def test_a_flat_image_measures_nothing():
    assert measures(np.full((32, 32), 7, np.uint8)) == pytest.approx((0, 0, 0, 0), abs=1e-12)


def test_noise_counts_against_an_image_and_the_rest_for_it():
    base = np.zeros((4, 4))
    for column in range(4):
        one = base.copy()
        one[2, column] = -1
        assert lowest(one, 0.25).tolist() == [column == 3, False, column != 3, False]
