"""What stands beside the pictures: separation of levels, hits on lesions, images drawn again."""

import numpy as np
import pandas as pd
import pytest
from figure_records import ORIGIN, figured_run, pictures_of, skipped_of
from sklearn.metrics import silhouette_samples
from sklearn.neighbors import KNeighborsClassifier

from bench.data import eyeq
from bench.data.decode import photograph
from bench.data.twin import write_eyeq
from bench.protocol.presets import named
from bench.reporting.figures import images
from bench.reporting.figures.embeddings import on_a_plane, read, shown
from bench.reporting.figures.saliency import Maps, hit_rate
from bench.reporting.figures.separation import (
    classes_of,
    distances,
    measures,
    purity,
    purity_by_chance,
    silhouette,
)


def two_clouds(seed, n, apart, dimensions=3):
    rng = np.random.default_rng(seed)
    classes = np.tile([0, 1], n)
    feature = rng.normal(0, 1, (2 * n, dimensions))
    feature[:, 0] += apart * classes
    return feature, classes


def test_levels_are_told_apart_by_lesion_and_by_quality():
    level = np.arange(4)  # L, L~, H, H~
    assert classes_of(level, "lesion").tolist() == [0, 0, 1, 1]
    assert classes_of(level, "quality").tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(("seed", "n", "apart"), [(0, 2, 0.0), (1, 30, 1.0), (2, 12, 10.0)])
def test_the_silhouette_is_scikit_learns_where_classes_are_of_one_size(seed, n, apart):
    feature, classes = two_clouds(seed, n, apart)
    expected = np.asarray(silhouette_samples(feature, classes)).mean()
    assert silhouette(distances(feature), classes) == pytest.approx(expected, abs=1e-7)


def test_both_classes_count_alike_in_the_silhouette():
    feature, classes = two_clouds(0, 40, 3.0)
    kept = (classes == 0) | (np.cumsum(classes) <= 5)
    each = np.asarray(silhouette_samples(feature[kept], classes[kept]))
    halves = [each[classes[kept] == c].mean() for c in (0, 1)]
    found = silhouette(distances(feature[kept]), classes[kept])
    assert found == pytest.approx(np.mean(halves), abs=1e-7)
    assert found != pytest.approx(each.mean(), abs=1e-3)


def test_purity_is_what_nearest_neighbours_say_without_the_patch_itself():
    feature, classes = two_clouds(3, 30, 1.0)
    shares = []
    for i in range(len(classes)):
        rest = np.delete(np.arange(len(classes)), i)
        near = KNeighborsClassifier(10).fit(feature[rest], classes[rest])
        shares.append(near.predict_proba(feature[i : i + 1])[0, classes[i]])
    assert purity(distances(feature), classes) == pytest.approx(np.mean(shares), abs=1e-12)


def test_clouds_far_apart_are_pure_and_mixed_ones_are_at_chance():
    feature, classes = two_clouds(0, 60, 100.0)
    assert purity(distances(feature), classes) == 1
    assert silhouette(distances(feature), classes) > 0.9
    shuffled = np.random.default_rng(1).permutation(classes)
    mixed = [purity(distances(two_clouds(s, 60, 0.0)[0]), shuffled) for s in range(20)]
    # 20 means of 120 shares with a spread of about 0.16: three standard errors are 0.01 or so,
    # doubled since neighbours share neighbours.
    assert np.mean(mixed) == pytest.approx(purity_by_chance(shuffled), abs=0.02)


def test_chance_is_the_share_of_the_others_that_are_alike():
    assert purity_by_chance(np.array([0, 0, 0, 1])) == pytest.approx((2 / 3 + 0) / 2)


@pytest.mark.parametrize("classes", [[0, 0, 0, 0], [0, 0, 0, 1]])
def test_a_class_of_fewer_than_two_leaves_measures_undefined(classes):
    feature = np.arange(8.0).reshape(4, 2)
    assert np.isnan(silhouette(distances(feature), np.array(classes)))
    assert np.isnan(purity(distances(feature), np.array(classes)))


def test_measures_ask_both_questions():
    feature, lesion = two_clouds(0, 40, 50.0)
    level = 2 * lesion + np.tile([0, 0, 1, 1], 20)
    found = measures(feature, level)
    assert found["purity_lesion"] == 1
    assert found["purity_quality"] < 0.7
    assert measures(feature, 2 * (level % 2) + level // 2)["purity_quality"] == 1


def test_a_plane_is_the_same_for_the_same_features_and_keeps_clouds_apart():
    feature, classes = two_clouds(0, 30, 30.0)
    plane = on_a_plane(feature)
    assert plane.shape == (60, 2)
    assert np.array_equal(plane, on_a_plane(feature.copy()))
    assert not np.array_equal(plane, on_a_plane(feature[:, ::-1]))
    assert purity(distances(plane), classes) == 1


@pytest.mark.parametrize(
    ("methods", "panels"),
    [
        ({"moco", "lesion-base-cl", "comcl-no-multilevel", "comcl"}, 3),
        ({"moco", "comcl-no-multilevel", "comcl"}, 3),
        ({"comcl"}, 1),
        ({"lesion-aware-cl"}, 1),
    ],
)
def test_panels_are_the_papers_general_on_lesions_and_proposed(methods, panels):
    found = shown(methods)
    assert len(found) == panels
    assert set(found) <= methods
    if len(methods) == 4:
        assert found == ["moco", "lesion-base-cl", "comcl"]


def test_measures_of_a_figure_are_of_the_features_on_file(tmp_path):
    runs = [figured_run(tmp_path, "comcl", "native", seed) for seed in (0, 1)]
    data = pictures_of(pd.DataFrame(runs), "embeddings")["embeddings"].data
    assert list(data["seed"]) == [0, 1]
    for run, row in zip(runs, data.to_dict("records"), strict=True):
        found = read(run["folder"] / "embeddings.npz")
        expected = measures(found.feature, found.level)
        assert {name: row[name] for name in expected} == pytest.approx(expected)


def maps(hit, pointed):
    kept = np.zeros((1, 2, 2))
    return Maps(["i"], kept, pointed, np.array(hit), np.full(len(hit), 0.25))


def test_hits_are_shares_with_an_interval_over_seeds_and_patients():
    pointed, patients = ["a", "b", "c", "d"], {"a": "1", "b": "1", "c": "2", "d": "3"}
    held = [
        maps([True, True, False, True], pointed),
        maps([True, False, False, True], pointed),
        maps([True, False, False, False], pointed),
    ]
    found = hit_rate(held, patients)
    assert found is not None
    assert found.value == pytest.approx((0.75 + 0.5 + 0.25) / 3)
    assert found.per_seed == pytest.approx((0.75, 0.5, 0.25))
    assert found.patients == 3
    assert found.interval() is not None
    alone = hit_rate(held[:1], patients)
    assert alone is not None
    assert alone.interval() is None


def test_without_boxes_there_is_no_pointing_game():
    assert hit_rate([maps([], [])], {}) is None


def test_maps_without_an_image_stand_on_grey_and_the_caption_says_why(tmp_path):
    run = figured_run(tmp_path, dataset="folder")
    yours = pictures_of(pd.DataFrame([run]), "saliency")["saliency"].caption
    assert "Records hold no images" in yours
    assert "synthetic lesions" not in yours
    again = {**run, "dataset": "eyeq-twin"}
    twin = pictures_of(pd.DataFrame([again]), "saliency")["saliency"].caption
    assert "synthetic lesions" in twin
    assert "Records hold no images" not in twin


def test_runs_that_share_no_image_are_skipped(tmp_path):
    runs = [figured_run(tmp_path, method) for method in ("resnet50", "comcl")]
    path = runs[1]["folder"] / "saliency.npz"
    with np.load(path) as held:
        arrays = {**held, "image_id": np.array([f"other{n}" for n in range(12)])}
    np.savez_compressed(path, **arrays)
    assert "no image in common" in skipped_of(pd.DataFrame(runs), "saliency")["saliency"]


def test_a_map_colours_only_where_it_is_high():
    image = np.full((64, 64, 3), (90, 60, 30), np.uint8)
    own = np.zeros((8, 8))
    own[:4] = 1
    pixels = images.with_map(images.FramedImage(image, np.zeros((0, 4))), own).astype(int)
    assert (pixels[-1, :, 0] == pixels[-1, :, 2]).all()  # grey where the map is 0
    assert np.ptp(pixels[0], axis=1).min() > 50
    assert (images.with_map(images.FramedImage(image, np.zeros((0, 4))), None) == image[0, 0]).all()


@pytest.mark.parametrize(
    ("dataset", "change", "said"),
    [
        ("eyeq-twin", {}, ""),
        ("eyeq", {}, "not synthetic"),
        ("eyeq-twin", {"version": 0}, "version 0"),
    ],
)
def test_images_are_drawn_again_only_where_they_would_be_the_same(dataset, change, said):
    why = images.why_not(dataset, {**ORIGIN, **change}, named("laptop"))
    assert said in why
    assert bool(said) == bool(why)


def test_shuffled_labels_do_not_say_what_was_drawn():
    data = named("laptop").data.model_copy(update={"shuffle_labels": True})
    protocol = named("laptop").model_copy(update={"data": data})
    assert "shuffled" in images.why_not("eyeq-twin", ORIGIN, protocol)


def test_a_twins_image_drawn_again_is_the_one_on_file(tmp_path):
    write_eyeq(tmp_path / "twin", train=4, test=4, size_px=128, seed=0, workers=1)
    protocol = named("smoke")
    dataset = eyeq.load(tmp_path / "twin", name="eyeq-twin", real=False, boxes="oracle")
    size = protocol.data.patch_image_px
    for record in dataset.records:
        row = {"image_id": record.image_id, "label": record.labels[0], "quality": record.quality}
        again = images.regenerated("eyeq-twin", row | {"degraded": False}, ORIGIN, protocol)
        on_file, field = photograph(record.path, size)
        # JPEG at quality 92 costs a level or two; another eye differs by tens.
        assert np.abs(again.image.astype(int) - on_file).mean() < 4
        boxes = field.to_crop(np.array(record.boxes, dtype=float).reshape(-1, 4), size)
        assert again.boxes == pytest.approx(boxes, abs=1.0)
        worse = images.regenerated("eyeq-twin", row | {"degraded": True}, ORIGIN, protocol)
        assert not np.array_equal(worse.image, again.image)
