"""IDRiD's folders in any disorder are read, or refused with a sentence; nothing else is raised."""

import os
import shutil

import numpy as np
import pytest
from drawn_idrid import draw_idrid
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from strange_pictures import FORMATS, encoded

from bench.errors import RequestError
from bench.lesions import idrid, lesion_masks
from bench.lesions.idrid import BASE, MASKS, PHOTOGRAPHS, SETS, LesionSet

pytestmark = [  # as the program has them, where pytest sets filters of its own
    pytest.mark.filterwarnings(f"ignore:::PIL.{module}")
    for module in ("Image", "TiffImagePlugin", "JpegImagePlugin", "PngImagePlugin")
]
EXAMPLES = 1000 if "BENCH_LONG" in os.environ else 15
TRAINING = SETS["training"]
FOLDERS = st.sampled_from(
    [f"{BASE}/{PHOTOGRAPHS}/{TRAINING}", f"{BASE}/{MASKS}/{TRAINING}", BASE, "."]
    + [f"{BASE}/{MASKS}/{TRAINING}/{name}" for name in ("2. Haemorrhages", "3. Hard Exudates")]
)
NAMES = st.one_of(
    st.sampled_from(["IDRiD_01_HE", "IDRiD_01", "idrid_02_he", "IDRiD_02_EX", "._IDRiD_01", "x"]),
    st.sampled_from(["\n", "\N{EYE}", os.fsdecode(b"\xff"), "é"]),
)
ENDINGS = st.sampled_from([".tif", ".TIF", ".png", ".jpg", ".JPG", ".bmp", ".gif", "", ".txt"])
CONTENTS = st.one_of(
    st.sampled_from(["folder", "pipe", "link", "device"]),
    st.binary(max_size=40),
    st.sampled_from([(k, m) for k, modes in FORMATS.items() for m in modes]),
)


def put(path, content):
    """A file of this content, in place of what is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if content == "folder":
        path.mkdir()
    elif content == "pipe":
        os.mkfifo(path)
    elif content in ("link", "device"):
        path.symlink_to("gone" if content == "link" else "/dev/zero")
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_bytes(encoded(*content, height=24, width=24))


@settings(max_examples=EXAMPLES)
@given(
    st.lists(st.tuples(FOLDERS, NAMES, ENDINGS, CONTENTS), max_size=4),
    st.lists(st.integers(0, 7), max_size=3),
)
def test_any_disorder_in_the_folders_is_read_or_refused(tmp_path_factory, put_there, taken_away):
    root = tmp_path_factory.mktemp("idrid", numbered=True) / "set"
    draw_idrid(root, training=2, size_px=24)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    for number in set(taken_away):
        if number < len(files):
            files[number].unlink()
    for folder, name, ending, content in put_there:
        put(root / folder / f"{name}{ending}", content)
    try:
        _read(root)
    except RequestError as error:
        str(error).encode()
        assert "\n" not in str(error)
    shutil.rmtree(root.parent)


def _read(root):
    """All that a run does with the set, but to train on it."""
    images = idrid.read(root)
    assert len(LesionSet("idrid", root).digest) == 64
    idrid.unused_masks(root)
    idrid.hold_out(images, proportion=0.5, seed=0)
    for image in images:
        opened = idrid.open_image(image, 32)
        assert len(opened.boxes) == len(opened.kinds) and np.isfinite(opened.boxes).all()
    assert lesion_masks.read(images, 16, "idrid").masks.shape[1:] == (5, 16, 16)


def test_an_orderly_set_is_read(tmp_path):
    _read(draw_idrid(tmp_path, training=2, size_px=24))
    picture = next(tmp_path.rglob("IDRiD_01_HE.tif"))
    Image.fromarray(np.asarray(Image.open(picture)) // 255).save(picture)
    _read(tmp_path)
