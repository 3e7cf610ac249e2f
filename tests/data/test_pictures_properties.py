"""Whatever a file holds, it is a picture as Pillow reads it or refused by name."""

import os

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strange_pictures import DEEP, FORMATS, TURNED, by_pillow, encoded

from bench.data.decode import read_image, size_px
from bench.data.picture_files import printable
from bench.errors import RequestError

pytestmark = [  # as the program has them, where pytest sets filters of its own
    pytest.mark.filterwarnings(f"ignore:::PIL.{module}")
    for module in ("Image", "TiffImagePlugin", "JpegImagePlugin", "PngImagePlugin")
]
EXAMPLES = 3000 if "BENCH_LONG" in os.environ else 60


def _reads_or_is_refused(path):
    try:
        seen = read_image(path)
    except RequestError as error:
        assert printable(path.name) in str(error)
        str(error).encode()
        return False
    assert seen.ndim == 3 and seen.shape[2] == 3 and seen.dtype == np.uint8 and seen.size
    return True


PICTURES = st.sampled_from([(k, m) for k, modes in FORMATS.items() for m in modes])


@settings(max_examples=EXAMPLES)
@given(PICTURES, st.integers(1, 40), st.integers(1, 40), st.integers(0, 255), st.integers(0, 11))
def test_any_whole_picture_reads_as_ever_or_is_too_deep(
    tmp_path_factory, picture, height, width, seed, orientation
):
    kind, mode = picture
    turned = {"orientation": orientation} if kind in TURNED else {}
    path = tmp_path_factory.getbasetemp() / "any.jpg"
    path.write_bytes(encoded(kind, mode, height=height, width=width, seed=seed, **turned))
    assert _reads_or_is_refused(path) == (mode not in DEEP)
    if mode not in DEEP:
        np.testing.assert_array_equal(read_image(path), by_pillow(path))
        assert size_px(path) == read_image(path).shape[1::-1]


@settings(max_examples=5 * EXAMPLES)
@given(
    PICTURES,
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4)), max_size=6),
    st.floats(0, 1),
    st.binary(max_size=20),
)
@example(("PNG", "RGB"), [], 0.0, b"")
def test_damaged_bytes_read_or_are_refused_by_name(
    tmp_path_factory, picture, damage, kept, appended
):
    content = bytearray(encoded(*picture, **_metadata(picture[0])))
    for where, replacement in damage:
        at = int(where**3 * len(content))  # headers more than pixels
        content[at : at + len(replacement)] = replacement
    cut = len(content) if kept > 0.5 else int(2 * kept * len(content))
    path = tmp_path_factory.getbasetemp() / "damaged.jpg"
    path.write_bytes(bytes(content[:cut]) + appended)
    _reads_or_is_refused(path)


def _metadata(kind):
    return {"orientation": 6} if kind in TURNED else {}


@settings(max_examples=5 * EXAMPLES)
@given(st.binary(max_size=600), st.sampled_from([b"", *(encoded(k, "L")[:12] for k in FORMATS)]))
def test_any_bytes_read_or_are_refused_by_name(tmp_path_factory, content, beginning):
    path = tmp_path_factory.getbasetemp() / "bytes.jpg"
    path.write_bytes(beginning + content)
    _reads_or_is_refused(path)
