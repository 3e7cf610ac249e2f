"""ChestX-ray14 as a data set: what is wanted, what is missing, what is said of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_nih import ROWS, write_nih

from bench.data import datasets, lq_ratio
from bench.data.cache import content_digests
from bench.data.chest import reader as chest_reader
from bench.data.pixels import open_images
from bench.errors import RequestError
from bench.protocol.presets import derive, named


def quiet(*_):
    """Nobody to tell."""


def protocol_of(*changes):
    return derive(named("smoke"), list(changes))


def load(root, *changes, real=False, partial=False, name="chestxray-twin"):
    return chest_reader.load(
        root,
        name=name,
        real=real,
        protocol=protocol_of(*changes),
        cache=root / "cache",
        tick=quiet,
        partial=partial,
    )


@pytest.fixture
def root(tmp_path):
    return write_nih(tmp_path / "nih")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A small twin."""
    from bench.data.chest_twin import write_chestxray

    root = tmp_path_factory.mktemp("twin") / "set"
    write_chestxray(root, train=60, test=50, size_px=64, workers=2)
    return root


def ids(dataset):
    return {r.image_id for r in dataset.records}


def test_the_default_subset_leaves_out_images_with_other_findings_alone(root):
    """Three diseased images of the train list have a normal one of their view, of two it is AP."""
    data = load(root)
    assert "00000003_000" not in ids(data)
    assert ids(load(root, "chest.subset=all")) == {row[0] for row in ROWS}
    diseased = data.labels().any(axis=1)
    assert diseased.sum() == (~diseased).sum()


def test_the_task_is_the_eight_findings_chosen_by_auroc(root):
    task = load(root).task
    assert (task.kind, len(task.classes), task.primary_metric) == ("findings", 8, "auroc_macro")


def test_everything_that_is_assumed_is_said(root):
    message = " | ".join(load(root).assumptions)
    for part in ("not the paper's list", "quality is synthetic", "(chain)", "not comparable"):
        assert part in message
    assert "AP radiographs" in " | ".join(load(root, "chest.quality=view_ap").assumptions)


def test_qualities_of_the_data_and_synthetic_ones_exclude_each_other(root):
    synthetic, by_view = load(root), load(root, "chest.quality=view_ap")
    assert synthetic.synthetic_proportion == 0.432 and not synthetic.quality().any()
    assert by_view.synthetic_proportion == 0 and by_view.quality().any()


def test_label_files_other_than_nihs_are_refused_for_the_real_set_alone(root):
    with pytest.raises(RequestError, match="13 images, NIH's own 112,120"):
        load(root, real=True)
    assert load(root, real=True, partial=True).partial
    assert not load(root).partial


def test_missing_images_are_counted_and_the_first_named(root):
    for name in ("00000006_000", "00000007_000"):
        (root / "images" / f"{name}.png").unlink()
    with pytest.raises(RequestError, match=r"2 of the 13 .*first: 00000006_000, 00000007_000.*--p"):
        load(root, "chest.subset=all")
    data = load(root, "chest.subset=all", partial=True)
    assert data.partial and len(data.records) == 11
    assert any("2 of the 13 images wanted are not there" in message for message in data.assumptions)


def test_a_list_runs_on_those_of_its_images_that_are_there(root, tmp_path):
    """As `--partial` says; images that the label file has not stay an error."""
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"{row[0]}.png" for row in ROWS[:9]))
    (root / "images" / f"{ROWS[0][0]}.png").unlink()
    with pytest.raises(RequestError, match=r"1 of the 9 images wanted .*--partial"):
        load(root, f"chest.subset=list={names}")
    data = load(root, f"chest.subset=list={names}", partial=True)
    assert data.partial and ids(data) == {row[0] for row in ROWS[1:9]}
    names.write_text("00000009_000.png")
    with pytest.raises(RequestError, match="1 of its 1 images"):
        load(root, f"chest.subset=list={names}", partial=True)


def test_images_that_the_subset_does_not_want_may_be_missing(root):
    (root / "images" / "00000003_000.png").unlink()
    assert not load(root).partial


def test_without_any_image_partial_is_no_way_out(root):
    for path in (root / "images").iterdir():
        path.unlink()
    with pytest.raises(RequestError, match=r"images_001/images/ \.\.\.$"):
        load(root, partial=True)


def test_nihs_boxes_lie_in_pixels_of_the_file_and_serve_no_training(root):
    data = load(root, real=True, partial=True)
    (boxed,) = (r for r in data.records if r.boxes)
    assert boxed.split == "test" and boxed.boxes == ((32, 16, 40, 20),)
    assert data.boxes == "none"


def test_nihs_boxes_for_training_take_their_patients_out_of_the_test(root):
    data = load(root, "patches.boxes=given", "chest.subset=all")
    moved = {r.image_id: r.split for r in data.records if r.patient_id == "00000006"}
    assert set(moved.values()) == {"train"} and len(moved) == 2
    assert data.boxes == "given"
    sides = [{r.patient_id for r in data.records if r.split == s} for s in ("train", "test")]
    assert not sides[0] & sides[1]
    leaking = load(root, "patches.boxes=given", "chest.allow_leak=true", "chest.subset=all")
    assert {r.split for r in leaking.records if r.patient_id == "00000006"} == {"train", "test"}
    assert any("a leak" in sentence for sentence in leaking.assumptions)


def test_the_twin_knows_all_its_boxes(drawn):
    data = load(drawn)
    table = pd.read_csv(drawn / "boxes.csv")
    counted = table["image"].str.removesuffix(".png").value_counts()
    assert data.boxes == "oracle"
    for record in data.records:
        assert len(record.boxes) == counted.get(record.image_id, 0)
        assert bool(record.boxes) == bool(max(record.labels))


def test_synthetic_quality_is_degraded_at_every_ratio_and_nested(drawn):
    data = load(drawn, "chest.subset=all")
    chosen = {
        text: lq_ratio.choose(data, text, apply_to="both", data_seed=0)
        for text in ("native", "0.7", "1.0")
    }
    for split, count in (("train", 60), ("test", 50)):
        own = data.where(split)
        achieved = [chosen[text][own].sum() for text in chosen]
        assert achieved == [round(0.432 * count), round(0.7 * count), count]
    assert not (chosen["native"] & ~chosen["0.7"]).any()


def test_more_of_the_test_alone_leaves_the_training_images_as_they_are(drawn):
    data = load(drawn, "chest.subset=all")
    native, test = (
        lq_ratio.choose(data, text, apply_to="test", data_seed=0) for text in ("native", "1.0")
    )
    np.testing.assert_array_equal(native[data.where("train")], test[data.where("train")])
    assert test[data.where("test")].all() and not native[data.where("test")].all()


def test_less_than_the_synthetic_proportion_is_refused(drawn):
    with pytest.raises(RequestError, match=r"43\.2% of the training images"):
        lq_ratio.choose(load(drawn), "0.3", apply_to="both", data_seed=0)


@pytest.fixture(scope="module")
def pictures(drawn, tmp_path_factory):
    """The twin's images at a ratio and with changes, opened."""
    folder = tmp_path_factory.mktemp("cache")

    def opened(text, *changes, order=None):
        protocol = protocol_of("data.image_px=32", "data.patch_image_px=64", *changes)
        data = load(drawn, "chest.subset=all")
        if order is not None:
            data = replace(data, records=tuple(data.records[i] for i in order))
        chosen = lq_ratio.choose(data, text, apply_to="both", data_seed=0)
        made = folder / f"{order is None}"
        digests = content_digests(data.records, made)
        return data, open_images(data, digests, chosen, protocol, folder=made, tick=quiet)

    return opened


def test_a_radiograph_is_shown_whole_and_grey(pictures, drawn):
    data, images = pictures("native")
    clean = images.for_patches.clean
    assert (clean[:] == clean[:][..., :1]).all()
    with Image.open(data.records[0].path) as file:
        np.testing.assert_array_equal(clean[0][..., 0], np.asarray(file))


def test_boxes_of_a_whole_frame_stay_where_they_are(pictures):
    data, images = pictures("native")
    for record, boxes in zip(data.records, images.boxes, strict=True):
        np.testing.assert_allclose(boxes, np.array(record.boxes, float).reshape(-1, 4), atol=1e-9)


def test_an_image_is_degraded_alike_at_every_ratio_and_in_any_order(pictures):
    data, some = pictures("native")
    order = np.arange(len(data.records))[::-1]
    _, every = pictures("1.0")
    _, turned = pictures("1.0", order=order)
    degraded = np.flatnonzero(some.whole.copy_index >= 0)
    clean = np.flatnonzero(some.whole.copy_index < 0)
    np.testing.assert_array_equal(some.whole.images(degraded), every.whole.images(degraded))
    np.testing.assert_array_equal(every.whole.images(order), turned.whole.images(np.arange(110)))
    assert (some.whole.images(clean) != every.whole.images(clean)).any(axis=(1, 2, 3)).all()


def test_degradations_are_those_of_the_protocol(pictures):
    kinds = {}
    for text in ("chain", "fundus_literal", "single"):
        _, images = pictures("1.0", f"chest.degradation={text}", "chest.severity=2")
        kinds[text] = {own["kind"].rsplit("-", 1)[0] for own in images.parameters.values()}
    assert kinds["chain"] == {"chain"}
    assert kinds["fundus_literal"] == {"fundus"}
    assert "gaussian_noise" in kinds["single"] and not kinds["single"] & {"chain", "fundus"}


def test_a_data_folder_that_is_not_there_names_the_twin(tmp_path):
    with pytest.raises(RequestError, match="--dataset chestxray-twin"):
        datasets.data_folder("chestxray", tmp_path / "nowhere")


@pytest.mark.real
def test_the_real_sample_runs_on_what_is_there(real_data):
    root = real_data / "chestxray14"
    with pytest.raises(RequestError, match="of the 15,580 images wanted are missing"):
        load(root, real=True, name="chestxray")
    data = load(root, "chest.subset=all", real=True, partial=True, name="chestxray")
    assert len(data.records) == 1000 and data.partial
    assert len({r.patient_id for r in data.records}) == 264


def test_a_limit_is_said_where_it_leaves_images_out(drawn):
    def images_and_notes(limit):
        protocol = protocol_of("chest.subset=all", f"data.limit={limit}")
        data = datasets.read("chestxray", datasets.Location(drawn, drawn, protocol, True, quiet))
        sentences = [text for text in data.assumptions if "data.limit" in text]
        return len(data.records), sentences, data.limited

    count, sentences, limited = images_and_notes(60)
    assert count < 110 and limited
    assert sentences == [f"{count} of 110 images, whole patients: data.limit=60"]
    assert images_and_notes(110) == images_and_notes(500) == (110, [], False)
