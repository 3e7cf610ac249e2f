import collections
import os
import pickle
import pickletools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_process import peak_mib, peak_mib_from_here

from bench.errors import RequestError
from bench.lesions import box_files

EXAMPLES = 3000 if "BENCH_LONG" in os.environ else 60
BOX = (128, 64, 256.0, 96)
AS_SHARES = [[0.25, 0.125, 0.5, 0.1875]]


@pytest.fixture
def written(tmp_path):
    def write(value, protocol=pickle.DEFAULT_PROTOCOL):
        path = tmp_path / "boxes.pkl"
        path.write_bytes(pickle.dumps(value, protocol=protocol))
        return path

    return write


class Trap:
    """Runs a command when it is unpickled by a reader that lets it."""

    def __reduce__(self):
        return os.system, ("touch sprung",)


def test_the_detectors_own_layout(written):
    read = box_files.read(
        written({"train": {"1_left.jpeg": [BOX, BOX]}, "val": {"2_right.jpeg": []}})
    )
    assert {name: boxes.tolist() for name, boxes in read.boxes.items()} == {
        "1_left": 2 * AS_SHARES,
        "2_right": [],
    }
    assert read.left_out == 0


def test_the_layout_of_the_contrastive_code(written):
    train = {"healthy": {"/data/a/1_left.jpeg": [BOX]}, "unhealthy": {r"D:\a\2_left.jpeg": [BOX]}}
    read = box_files.read(written({"train": train, "val": {"b/3_left.jpeg": [list(BOX)]}}))
    assert sorted(read.boxes) == ["1_left", "2_left", "3_left"]
    assert all(boxes.tolist() == AS_SHARES for boxes in read.boxes.values())


def test_boxes_without_area_are_left_out_of_healthy_images_and_counted(written):
    healthy = {"1_left.jpeg": [BOX, (300, 200, 100, 400), (10, 10, 10, 40)]}
    read = box_files.read(written({"train": {"healthy": healthy, "unhealthy": {}}}))
    assert read.boxes["1_left"].tolist() == AS_SHARES
    assert read.left_out == 2


def test_a_lesion_without_area_is_refused(written):
    with pytest.raises(RequestError, match=r"1_left\.jpeg: a box without area"):
        box_files.read(written({"train": {"1_left.jpeg": [(300, 200, 100, 400)]}}))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_file_that_would_run_a_command_is_refused_and_the_command_named(
    written, tmp_path, monkeypatch, protocol
):
    monkeypatch.chdir(tmp_path)
    path = written({"train": {"1_left.jpeg": [Trap()]}}, protocol)
    with pytest.raises(RequestError, match=r"tries to build \w+\.system"):
        box_files.read(path)
    assert not (tmp_path / "sprung").exists()
    os.system("touch sprung")
    assert (tmp_path / "sprung").exists()  # the trap does spring where it may


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"train": np.zeros(3)}, r"numpy\.\S+"),
        (collections.OrderedDict(train={}), "collections.OrderedDict"),
        ({"train": {"a.jpeg": [(np.float64(1), 2, 3, 4)]}}, r"numpy\.\S+"),
        ({"train": {"a.jpeg": {1, 2}}}, "set"),
        ({"train": {"a.jpeg": b"1234"}}, "bytes"),
        ({"train": {"a.jpeg": None}}, "NoneType"),
        ({"train": {"a.jpeg": [(1, 2, 3, True)]}}, "bool"),
        ({"train": {"a.jpeg": [(1, 2, 3, 4j)]}}, "builtins.complex"),
    ],
)
def test_nothing_but_plain_values_is_built(written, value, named):
    with pytest.raises(RequestError, match=f"tries to build {named};"):
        box_files.read(written(value))


@pytest.mark.parametrize(
    "value",
    [
        [BOX],
        {"test": {}},
        {"train": [BOX]},
        {"train": {1: [BOX]}},
        {"train": {"a.jpeg": [(1, 2, 3)]}},
        {"train": {"a.jpeg": [(1, 2, 3, "4")]}},
        {"train": {"a.jpeg": [(1, 2, 3, float("nan"))]}},
        {"train": {"a.jpeg": 7}},
        {"train": {}, "val": [BOX]},
    ],
)
def test_another_layout_is_refused(written, value):
    with pytest.raises(RequestError, match="not boxes as published"):
        box_files.read(written(value))


def test_a_file_that_holds_itself_ends(written):
    value = {"train": {}}
    value["train"]["a.jpeg"] = [value]
    with pytest.raises(RequestError, match="not boxes as published"):
        box_files.read(written(value))


@pytest.mark.parametrize("content", [b"", b"no pickle at all", pickle.dumps({"train": {}})[:-3]])
def test_what_is_no_pickle_is_refused(tmp_path, content):
    (tmp_path / "boxes.pkl").write_bytes(content)
    with pytest.raises(RequestError, match=r"boxes\.pkl is no pickle"):
        box_files.read(tmp_path / "boxes.pkl")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RequestError, match="no such file"):
        box_files.read(tmp_path / "none.pkl")


# ---- boxes of other pictures


@pytest.mark.parametrize("box", [(1700, 1710, 1800, 1900), (-3, 0, 5, 5), (0, 0, 514, 9)])
def test_boxes_beyond_the_crop_are_refused_with_the_image(written, box):
    path = written({"train": {"1_left.jpeg": [BOX], "2_left.jpeg": [BOX, box]}})
    with pytest.raises(RequestError, match=r"2_left\.jpeg\): the box .* does not lie in a crop"):
        box_files.read(path)


def test_a_pixel_of_rounding_is_accepted(written):
    read = box_files.read(written({"train": {"1_left.jpeg": [(-1, 0, 513, 512)]}}))
    assert read.boxes["1_left"].shape == (1, 4)


def test_an_image_that_is_there_twice_must_have_the_same_boxes(written):
    one = {"a/1_left.jpeg": [BOX]}
    assert box_files.read(written({"train": one, "val": {"b/1_left.jpeg": [BOX]}})).boxes
    with pytest.raises(RequestError, match=r"image b/1_left\.jpeg is there twice"):
        box_files.read(written({"train": one, "val": {"b/1_left.jpeg": [BOX, BOX]}}))


@pytest.mark.parametrize("name", ["1_left", "1_left.jpeg", "1_LEFT.png", "train/1_left.jpg"])
def test_images_may_be_spelled_in_other_ways(written, name):
    read = box_files.read(written({"train": {"d/1_left.jpeg": [BOX]}}))
    boxes = read.of(name)
    assert boxes is not None and boxes.tolist() == AS_SHARES
    assert read.of("2_left.jpeg") is None


# ---- files that mean harm

LONG = (2**40).to_bytes(8, "little")
HOSTILE = {
    "a text of a terabyte": b"\x80\x04\x8d" + LONG + b"x.",
    "bytes of a terabyte": b"\x80\x04\x8e" + LONG + b"x.",
    "a bytearray of a terabyte": b"\x80\x05\x96" + LONG + b"x.",
    "a frame of a terabyte": b"\x80\x04\x95" + LONG + b"}.",
    "a number of 2 GB": b"\x80\x02\x8b" + (2**31 - 1).to_bytes(4, "little") + b"1.",
    "a memo of 32 GB": b"\x80\x02}r" + (2**32 - 1).to_bytes(4, "little") + b".",
    "a number of a million digits": b"I" + b"9" * 1_000_000 + b"\n.",
    "a key of a million tuples": b"\x80\x02})" + b"\x85" * 1_000_000 + b"K\x01s.",
    "a set of a million tuples": b"\x80\x04\x8f()" + b"\x85" * 1_000_000 + b"\x90.",
    "no end": b"\x80\x02}",
    "an extension": b"\x80\x02\x82\x01.",
    "a buffer elsewhere": b"\x80\x05\x97.",
    "a kept object": b"P1\n.",
    "an old instance": b"(ios\nsystem\n.",
}


@pytest.mark.parametrize("what", list(HOSTILE))
def test_a_hostile_file_is_refused_within_bounds(tmp_path, what):
    path = tmp_path / "boxes.pkl"
    path.write_bytes(HOSTILE[what])
    before = peak_mib_from_here()
    with pytest.raises(RequestError):
        box_files.read(path)
    grown_mib = peak_mib() - before
    assert grown_mib < 400  # a million nested tuples take about 100


def test_the_peak_that_bounds_hostile_files_forgets_what_was_before():
    bytearray(2**28)
    before = peak_mib_from_here()
    assert peak_mib() - before < 128
    bytearray(2**28)
    assert 240 < peak_mib() - before < 384


def test_a_small_file_that_asks_for_many_boxes_is_refused(written, monkeypatch):
    monkeypatch.setattr(box_files, "MOST_BOXES", 1000)
    many = [BOX] * 200  # one list, by many names
    value = {"train": {f"{n}.jpeg": many for n in range(6)}}
    with pytest.raises(RequestError, match="over 1,000 boxes"):
        box_files.read(written(value))
    monkeypatch.setattr(box_files, "MOST_CONTAINERS", 1000)
    with pytest.raises(RequestError, match="over 1,000 lists"):
        box_files.read(written({"train": {"1.jpeg": [list(BOX) for _ in range(2000)]}}))


def test_a_file_too_large_to_be_one_of_boxes_is_not_opened(tmp_path):
    with (tmp_path / "boxes.pkl").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(RequestError, match="has 1,099,512 MB"):
        box_files.read(tmp_path / "boxes.pkl")


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "boxes.pkl")
    with pytest.raises(RequestError, match=r"file boxes\.pkl is a pipe"):
        box_files.read(tmp_path / "boxes.pkl")


PLAIN = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.binary(max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.one_of(st.text(max_size=5), st.integers()), inner, max_size=4),
    ),
    max_leaves=20,
)
PARTS = st.dictionaries(st.text(max_size=8), st.lists(st.tuples(*[st.floats(-2, 514)] * 4)))
NEARLY = st.fixed_dictionaries({"train": st.one_of(PARTS, PLAIN)}, optional={"val": PARTS})


@settings(max_examples=EXAMPLES)
@given(
    st.one_of(PLAIN, NEARLY),
    st.integers(0, pickle.HIGHEST_PROTOCOL),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3)), max_size=3),
    st.sampled_from([0, 1, 2, 9]),
)
def test_any_pickle_is_read_or_refused(tmp_path_factory, value, protocol, damage, cut):
    content = bytearray(pickle.dumps(value, protocol))
    for where, replacement in damage:
        at = int(where * len(content))
        content[at : at + len(replacement)] = replacement
    _reads_or_is_refused(tmp_path_factory, bytes(content[: len(content) - cut]))


OPCODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]


@settings(max_examples=5 * EXAMPLES)
@given(st.lists(st.one_of(st.sampled_from(OPCODES), st.binary(max_size=5)), max_size=40))
def test_any_program_of_opcodes_is_read_or_refused(tmp_path_factory, program):
    _reads_or_is_refused(tmp_path_factory, b"".join(program) + b".")


def _reads_or_is_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.pkl"
    path.write_bytes(content)
    try:
        read = box_files.read(path)
    except RequestError as error:
        str(error).encode()
        return
    for boxes in read.boxes.values():
        assert boxes.shape[1:] == (4,) and np.isfinite(boxes).all()
