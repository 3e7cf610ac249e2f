"""Every picture that Pillow can read keeps its bytes; every other file is told what it is."""

import io
import os
import socket
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image
from strange_pictures import (
    DEEP,
    FORMATS,
    TURN_RIGHT,
    TURNED,
    by_pillow,
    encoded,
    jpeg_with_exif,
    noise,
    png_of_size,
    png_with,
)

from bench.data.decode import MOST_PX, decode, photograph, read_image, size_px
from bench.data.picture_files import printable, refuse_special
from bench.errors import RequestError

pytestmark = [  # as the program has them, where pytest sets filters of its own
    pytest.mark.filterwarnings(f"ignore:::PIL.{module}")
    for module in ("Image", "TiffImagePlugin", "JpegImagePlugin", "PngImagePlugin")
]


@pytest.fixture
def stored(tmp_path):
    def store(content, name="10_left.jpeg"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return store


def why(path, read=read_image):
    with pytest.raises(RequestError) as caught:
        read(path)
    assert printable(path.name) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "mode"), [(k, m) for k, modes in FORMATS.items() for m in modes if m not in DEEP]
)
def test_a_picture_in_any_mode_has_the_pixels_that_it_always_had(stored, kind, mode):
    path = stored(encoded(kind, mode))
    np.testing.assert_array_equal(read_image(path), by_pillow(path))
    assert size_px(path) == (17, 12)


@pytest.mark.parametrize("kind", TURNED)
@pytest.mark.parametrize("orientation", range(10))
def test_a_picture_is_turned_as_its_exif_says(stored, kind, orientation):
    path = stored(encoded(kind, "RGB", orientation=orientation))
    seen = read_image(path)
    np.testing.assert_array_equal(seen, by_pillow(path))
    assert size_px(path) == seen.shape[1::-1]
    assert (seen.shape[:2] == (17, 12)) == (orientation in (5, 6, 7, 8))


@pytest.mark.parametrize("mode", FORMATS["TIFF"])
def test_a_tiff_is_turned_whether_it_is_compressed_or_not(stored, mode):
    """Pillow forgets it for some modes, when it maps the file into memory."""
    if mode not in DEEP:
        assert read_image(stored(encoded("TIFF", mode, orientation=6))).shape == (17, 12, 3)


@pytest.mark.parametrize(
    "content",
    [
        encoded("JPEG", "RGB", progressive=True),
        encoded("TIFF", "RGB", compression="tiff_lzw"),
        encoded("TIFF", "1", compression="group4"),
        encoded("PNG", "RGB") + b"and more",
        png_with(b"eXIf", TURN_RIGHT),
        png_with(b"eXIf", TURN_RIGHT, last=True),
        jpeg_with_exif(TURN_RIGHT),
    ],
)
def test_what_else_can_be_read_has_the_pixels_that_it_always_had(stored, content):
    path = stored(content)
    np.testing.assert_array_equal(read_image(path), by_pillow(path))


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_of_several_pictures_in_a_file_the_first_is_read(stored, kind):
    first, second = (Image.fromarray(noise(12, 17, seed)).quantize(200) for seed in (1, 2))
    stream = io.BytesIO()
    first.save(stream, kind, save_all=True, append_images=[second])
    np.testing.assert_array_equal(read_image(stored(stream.getvalue())), first.convert("RGB"))


@pytest.mark.parametrize(
    "content",
    [
        png_with(b"eXIf", TURN_RIGHT[:9] + b"\xff\xff\x01\x12"),
        png_with(b"iCCP", b"x\0\0no profile"),
        png_with(b"iTXt", b"note\0\1\0\0\0" + zlib.compress(bytes(5_000_000))),
        jpeg_with_exif(b"MM\0*\xff\xff\xff\xff1234"),
        jpeg_with_exif(b""),
        jpeg_with_exif(TURN_RIGHT.replace(b"\0\x03\0\0\0\x01\0\x06", b"\0\x02\0\0\0\x01a\0")),
    ],
    ids=["EXIF of a PNG", "ICC profile", "long note", "EXIF of a JPEG", "no EXIF", "turn by text"],
)
def test_damaged_metadata_do_not_damage_the_picture(stored, content):
    assert read_image(stored(content)).shape == (*size_px(stored(content))[::-1], 3)


@pytest.mark.parametrize("mode", DEEP)
def test_a_deep_picture_is_told_what_to_do_and_not_to_be_fetched_again(stored, mode):
    message = why(stored(encoded("TIFF", mode), "deep.tif"))
    assert f"deep.tif has more than 8 bits per channel (mode {mode}); save it with 8" in message
    assert "fetch" not in message


def test_a_deep_picture_that_pillow_has_no_mode_for_is_told_the_same(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "deep.tif"), noise(12, 17).astype(np.float32))
    assert "8 bits per channel (32 bits, floating point); save" in why(tmp_path / "deep.tif")


WHAT_IT_IS = {
    "it is empty": b"",
    "it is an HTML page": b"\n<!DOCTYPE html><title>403</title>",
    "it is a pointer of Git LFS to the picture); run `git lfs pull`": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    ),
    "it is a note of macOS": b"\x00\x05\x16\x07" + bytes(80),
    "it is a DICOM file); save it as": bytes(128) + b"DICM" + bytes(80),
    "it is a HEIC picture); save it as": b"\0\0\0\x18ftypheic" + bytes(80),
    "it is a ZIP archive); unpack": b"PK\x03\x04" + bytes(80),
    "it is compressed with gzip); unpack": b"\x1f\x8b" + bytes(80),
    "it is a PDF": b"%PDF-1.7" + bytes(80),
    "it is a PostScript program": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    ),
    "it is none of JPEG, PNG, TIFF, BMP, GIF, WebP); fetch": b"hello",
    "it is cut short); fetch": encoded("JPEG", "RGB")[:-40],
    "it is cut short or damaged); fetch": encoded("TIFF", "RGB")[:20],
}


@pytest.mark.parametrize("what", list(WHAT_IT_IS))
def test_a_file_that_is_no_picture_is_told_what_it_is(stored, what):
    path = stored(WHAT_IT_IS[what])
    for read in (read_image, size_px, lambda path: photograph(path, 64)):
        if read is not size_px or "cut short)" not in what:  # its header is whole
            assert f"image 10_left.jpeg cannot be read ({what}" in why(path, read)


def test_a_script_in_postscript_is_never_run(stored, monkeypatch):
    """Pillow would hand it to Ghostscript."""
    monkeypatch.setattr("subprocess.check_call", lambda *a, **k: pytest.fail("ran a program"))
    why(stored(WHAT_IT_IS["it is a PostScript program"]))


def test_a_picture_too_large_to_decode_is_told_its_size_and_the_limit(stored):
    message = why(stored(png_of_size(14_000, 13_500), "scan.png"))
    assert "scan.png has 189 megapixels, 14,000 x 13,500 px, and 179 are decoded at once" in message
    assert "save it smaller, or as a JPEG" in message


def test_a_large_jpeg_is_read_at_a_reduced_size_and_says_nothing(stored, monkeypatch, capfd):
    """As with a limit below its size in truth: 200 megapixels would take the test too long."""
    monkeypatch.setattr("bench.data.decode.MOST_PX", 400 * 300)
    grey = np.full((1200, 1600, 3), 90, np.uint8)
    grey[300:900, 400:1200] = 200
    stream = io.BytesIO()
    Image.fromarray(grey).save(stream, "JPEG")
    path = stored(stream.getvalue(), "scan.jpg")
    assert decode(path, shorter_px=150).shrink == 8
    assert "2 megapixels" in why(path)
    stream = io.BytesIO()
    Image.fromarray(grey).save(stream, "JPEG", progressive=True)
    why(stored(stream.getvalue(), "scan.jpg"), lambda path: decode(path, shorter_px=150))
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
def test_a_picture_of_90_to_179_megapixels_prints_no_warning(stored):
    side = int(MOST_PX**0.5)
    assert size_px(stored(png_of_size(side, side))) == (side, side)


def test_pillows_own_remarks_are_not_printed():
    """Filters of a process without pytest: what is set on import."""
    import importlib

    from bench.data import decode as module

    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        importlib.reload(module)
        warnings.warn_explicit("Corrupt EXIF data", UserWarning, "x.py", 1, module="PIL.Image")
        warnings.warn_explicit("of another", UserWarning, "x.py", 1, module="bench.data")
    assert [str(warning.message) for warning in caught] == ["of another"]


def test_what_is_no_file_is_refused_before_it_is_opened(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    (tmp_path / "link.jpg").symlink_to("gone.jpg")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    kinds = {"folder": "a folder", "pipe": "a pipe", "device": "a device"}
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(tmp_path / "socket.jpg"))
        for name, kind in {**kinds, "socket": "a socket"}.items():
            assert f"{name}.jpg is {kind}" in why(tmp_path / f"{name}.jpg")
    assert "is a link to gone.jpg, which is not there" in why(tmp_path / "link.jpg")
    assert "loop.jpg cannot be opened" in why(tmp_path / "loop.jpg")
    assert "is not at" in why(tmp_path / "nothing.jpg")
    assert "cannot be opened" in why(tmp_path / "a\0b.jpg")
    with pytest.raises(RequestError, match=r"file pipe\.jpg is a pipe"):
        refuse_special(tmp_path / "pipe.jpg", "file")


def test_a_file_that_may_not_be_read_says_so(stored, monkeypatch):
    path = stored(encoded("PNG", "RGB"))

    def forbidden(*_args, **_options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.open", forbidden)
    assert "cannot be opened (Permission denied); make it readable" in why(path)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("new\nline.jpg", r"new\nline.jpg"),
        ("\N{EYE}é.jpg", "\N{EYE}é.jpg"),
        (os.fsdecode(b"\xff.jpg"), r"\udcff.jpg"),
    ],
)
def test_any_name_stays_on_one_line_and_can_be_printed(stored, name, shown):
    message = why(stored(b"", name))
    assert f"image {shown} cannot" in message
    message.encode()
