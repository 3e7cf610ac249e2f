import collections
import os
import pickle

import numpy as np
import pytest

from bench.errors import RequestError
from bench.lesions import box_files

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
