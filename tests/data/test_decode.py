import io
from functools import cache

import numpy as np
import pytest
from PIL import Image

from bench.data import decode
from bench.data.decode import photograph, radiograph, read_image
from bench.data.field_of_view import crop, find
from bench.errors import RequestError


@cache
def _drawn(height, width, radius):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = (y + 0.5 - height / 2) / height, (x + 0.5 - width / 2) / height
    light = 150 - 60 * (x**2 + y**2) / radius**2 + 25 * np.sin(9 * x + 4 * y)
    for slope, bend in rng.normal(0, 0.6, (6, 2)):
        light -= 45 * (np.abs(y - slope * x - bend * x**2) < 0.004)
    image = light[..., None] * np.array([1.0, 0.6, 0.35], np.float32)
    image += rng.normal(0, 5, (height, width, 1)).astype(np.float32)
    image *= (x**2 + y**2 <= radius**2)[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)


def fundus(height, width, *, radius=0.62):
    """A disc cut at top and bottom, with vessels and grain down to single pixels."""
    return _drawn(height, width, radius).copy()


def saved(path, image, **how):
    Image.fromarray(image).save(path, **how)
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A JPEG of 1950 x 1300, large enough to be reduced."""
    folder = tmp_path_factory.mktemp("large")
    return saved(folder / "10_left.jpeg", fundus(1300, 1950), quality=90)


def compressed(image, quality):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def change(one, other, where):
    """Mean absolute difference in grey levels."""
    return np.abs(one.astype(int) - other)[where].mean()


def test_a_reduced_decoding_changes_less_than_saving_the_crop_as_a_jpeg_of_quality_95(large):
    size = 256
    whole = read_image(large)
    full = crop(whole, find(whole), size)
    reduced, field = photograph(large, size)
    assert decode.decode(large, shorter_px=2 * size, longer_px=960).shrink == 2
    inside = find(whole).mask(size) & field.mask(size)
    assert 0 < change(full, reduced, inside) < change(full, compressed(full, 95), inside)


def test_the_field_of_a_reduced_decoding_is_that_of_the_full_one(large):
    """Within what its search on 480 px resolves, half a pixel there, and a reduced pixel."""
    full, (_, reduced) = find(read_image(large)), photograph(large, 128)
    tolerance = 1950 / 480 / 2 + 2
    one, other = (np.array(list(vars(field).values()), float) for field in (full, reduced))
    np.testing.assert_allclose(other, one, atol=tolerance)
    assert reduced.found


@pytest.mark.parametrize("size", [64, 300, 400])
def test_twice_the_needed_pixels_are_kept(large, size):
    _, field = photograph(large, size)
    for most in (8, 4, 2, 1):
        taken = decode.decode(large, shorter_px=2 * size, longer_px=960, most=most)
        assert min(taken.pixels.shape[:2]) >= 2 * size
        assert taken.shrink <= most
    assert field.square[2] >= 2 * size


def test_boxes_of_the_file_mark_the_same_tissue_in_a_reduced_crop(tmp_path):
    image = fundus(1300, 1950)
    image[500:540, 800:880] = [0, 255, 0]
    square, field = photograph(saved(tmp_path / "a.jpg", image, quality=95), 300)
    assert decode.decode(tmp_path / "a.jpg", shorter_px=600, longer_px=960).shrink == 2
    x0, y0, x1, y1 = np.rint(field.to_crop(np.array([[800, 500, 880, 540]]), 300)[0]).astype(int)
    green = (square[..., 1] > 160) & (square[..., 0] < 60)
    assert green[y0 + 1 : y1 - 1, x0 + 1 : x1 - 1].all()
    green[y0 - 1 : y1 + 1, x0 - 1 : x1 + 1] = False
    assert not green.any()


@pytest.mark.parametrize("size", [128, 300])
def test_the_mask_of_a_reduced_crop_can_be_drawn_from_its_field(large, size):
    square, field = photograph(large, size)
    assert not square[~field.mask(size)].any()
    assert (square[field.mask(size)].max(axis=1) > 20).mean() > 0.97


def test_a_small_disc_in_a_large_frame_is_decoded_finely(tmp_path):
    path = saved(tmp_path / "a.jpeg", fundus(1300, 1950, radius=0.31), quality=90)
    square, field = photograph(path, 320)
    assert decode.decode(path, shorter_px=640, longer_px=960).shrink == 2  # 403 px for 320
    whole = read_image(path)
    np.testing.assert_array_equal(square, crop(whole, find(whole), 320))
    assert field == find(whole)


@pytest.mark.parametrize(("name", "size"), [("a.jpeg", 64), ("a.png", 64)])
def test_small_files_and_other_formats_are_decoded_whole(tmp_path, name, size):
    height = 400 if name == "a.jpeg" else 1300
    path = saved(tmp_path / name, fundus(height, 3 * height // 2))
    whole = read_image(path)
    square, field = photograph(path, size)
    np.testing.assert_array_equal(square, crop(whole, find(whole), size))
    assert field == find(whole)


TURNS = {1: 0, 3: 2, 6: 3, 8: 1}  # EXIF code -> quarter turns to the left


@pytest.mark.parametrize("code", list(TURNS))
@pytest.mark.parametrize("height", [60, 500])
def test_exif_rotation_is_applied(tmp_path, code, height):
    stored = fundus(height, round(1.5 * height))
    stored[: height // 4, : height // 4] = 255  # a mark, to tell the corners apart
    exif = Image.new("L", (1, 1)).getexif()
    exif[0x0112] = code
    path = saved(tmp_path / "turned.jpg", stored, quality=95, exif=exif)
    seen = np.rot90(stored, TURNS[code])
    assert read_image(path).shape == seen.shape
    assert change(read_image(path), seen, ...) < 10
    small = decode.decode(path, shorter_px=125, longer_px=125)
    assert small.shrink == (1 if height == 60 else 4)
    assert change(small.pixels, seen[:: small.shrink, :: small.shrink], ...) < 20


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "RGBA", "1"])
def test_every_kind_of_picture_becomes_rgb(tmp_path, mode):
    image = Image.fromarray(fundus(40, 60)).convert(mode)
    path = tmp_path / ("a.jpg" if mode in ("L", "CMYK") else "a.png")
    image.save(path)
    seen = read_image(path)
    assert (seen.shape, seen.dtype) == ((40, 60, 3), np.uint8)
    assert 30 < seen.mean() < 150


def test_a_picture_deeper_than_8_bits_is_refused_not_cut_off(tmp_path):
    Image.fromarray(np.full((9, 9), 40_000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(RequestError, match=r"deep\.png has more than 8 bits"):
        read_image(tmp_path / "deep.png")


def cut(content, share):
    return content[: int(len(content) * share)]


@pytest.mark.parametrize(
    "damage",
    [lambda b: b"", lambda b: b"<html>not found</html>", lambda b: cut(b, 0.4), lambda b: b[:30]],
    ids=["empty", "another format", "cut short", "cut in the header"],
)
@pytest.mark.parametrize(
    ("name", "height"), [("13_left.jpeg", 200), ("13_left.jpeg", 1300), ("13_left.png", 200)]
)
def test_a_file_that_is_no_whole_image_is_named(tmp_path, name, height, damage):
    path = saved(tmp_path / name, fundus(height, 3 * height // 2))
    path.write_bytes(damage(path.read_bytes()))
    for read in (read_image, lambda path: photograph(path, 64)):
        with pytest.raises(RequestError, match=rf"image {name} cannot be read .*fetch it again"):
            read(path)


@pytest.mark.filterwarnings("ignore:.*EXIF", "ignore:.*Tag data")  # of Pillow, to the user
def test_bytes_that_are_altered_at_random_read_or_are_refused(tmp_path):
    """No other exception leaves the reader, whatever the file holds."""
    exif = Image.new("L", (1, 1)).getexif()
    exif[0x0112], exif[0x010E] = 6, "eye"
    rng, refused = np.random.default_rng(0), 0
    for name in ("a.jpeg", "a.png"):
        whole = saved(tmp_path / name, fundus(60, 80), exif=exif).read_bytes()
        for _ in range(150):
            content = bytearray(whole)
            for at in rng.integers(0, min(len(content), 700), 4):
                content[at] = rng.integers(256)
            (tmp_path / name).write_bytes(content)
            try:
                read_image(tmp_path / name)
            except RequestError:
                refused += 1
    assert refused > 50


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_radiograph_is_the_same_grey_however_it_is_stored(tmp_path, mode):
    grey = np.random.default_rng(0).integers(0, 256, (96, 96), dtype=np.uint8)
    Image.fromarray(grey).convert(mode).save(tmp_path / "a.png")
    square, frame = radiograph(tmp_path / "a.png", 96)
    np.testing.assert_array_equal(square, np.repeat(grey[..., None], 3, axis=2))
    assert frame.mask(96).all()


def test_a_radiograph_that_is_not_square_is_padded_and_not_cropped(tmp_path):
    Image.fromarray(np.full((100, 60), 200, np.uint8)).save(tmp_path / "a.png")
    square, frame = radiograph(tmp_path / "a.png", 50)
    assert (square[:, 10:40] == 200).all()
    assert not square[:, :10].any() and not square[:, 40:].any()
    np.testing.assert_array_equal(frame.mask(50), square[..., 0] > 0)
    assert frame.to_crop(np.array([[0, 0, 60, 100]]), 50).tolist() == [[10, 0, 40, 50]]


def test_a_bright_radiograph_has_no_field_to_be_cropped_to(tmp_path):
    """A round collimator is no fundus camera: `photograph` crops what `radiograph` keeps."""
    y, x = np.mgrid[:300, :300] - 149.5
    disc = np.where(np.hypot(x - 20, y) < 110, 180, 3).astype(np.uint8)
    Image.fromarray(disc).save(tmp_path / "a.png")
    assert radiograph(tmp_path / "a.png", 300)[0][..., 0].mean() == pytest.approx(disc.mean())
    assert photograph(tmp_path / "a.png", 300)[1].found


def test_a_radiograph_of_16_bits_is_refused(tmp_path):
    Image.fromarray(np.full((20, 20), 40_000, np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(RequestError, match="more than 8 bits"):
        radiograph(tmp_path / "a.png", 20)


@pytest.mark.real
def test_real_radiographs_at_native_size_are_read_whole(real_data):
    """One is RGBA, one 512 px: 31 in all."""
    paths = sorted((real_data / "chestxray14" / "images-native").iterdir())
    frames = []
    for path in paths:
        square, frame = radiograph(path, 128)
        assert (square == square[..., :1]).all() and square.std() > 10
        assert not frame.found and frame.mask(128).all()
        frames.append(frame.x1)
    assert len(paths) == 31 and set(frames) == {512, 1024}
