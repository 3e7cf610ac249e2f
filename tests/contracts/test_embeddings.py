"""What `embeddings.npz` of a run holds."""

import numpy as np
import pytest

from baselines.classifier import Classifier
from bench.pipeline import embeddings
from bench.pipeline.build import stages
from bench.pipeline.embeddings import COUNTS, _principal, embed, pretrained
from bench.pipeline.recipes.common import encoder


def network(context):
    return Classifier(5, **encoder(context))


@pytest.fixture
def embedded(context_of):
    def make(method, **options):
        context = context_of(method, **options)
        return context, embed(network(context), context)

    return make


def test_patches_are_the_same_for_every_method_and_seed_and_features_are_not(embedded):
    _, one = embedded("comcl")
    _, other = embedded("moco", seed=3)
    assert one["image_id"].tolist() == other["image_id"].tolist()
    assert one["level"].tolist() == other["level"].tolist()
    assert not np.array_equal(one["feature"], other["feature"])


def test_every_patch_is_of_a_test_image_of_its_level(embedded):
    context, found = embedded("comcl")
    by_id = {r.image_id: i for i, r in enumerate(context.dataset.records)}
    low = (context.dataset.quality() > 0) | context.degraded
    for name, level in zip(found["image_id"], found["level"], strict=True):
        place = by_id[str(name)]
        record = context.dataset.records[place]
        assert record.split == "test"
        assert level == 2 * (record.labels[0] == 0) + low[place]
    assert len(set(found["image_id"])) == len(found["image_id"])
    assert (np.bincount(found["level"], minlength=4) <= COUNTS).all()


def test_a_level_holds_no_more_than_its_count(embedded, monkeypatch):
    monkeypatch.setattr(embeddings, "COUNTS", (1, 2, 1, 0))
    _, found = embedded("comcl")
    assert np.bincount(found["level"], minlength=4).tolist() == [1, 2, 1, 0]


def test_where_all_components_are_kept_distances_are_those_of_the_features():
    features = np.random.default_rng(0).normal(size=(30, 12))
    scores, shares = _principal(features)

    def distances(points):
        return np.linalg.norm(points[:, None] - points[None], axis=2)

    np.testing.assert_allclose(distances(scores), distances(features), atol=1e-12)
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert (np.diff(shares) <= 0).all()


def test_of_many_features_64_components_are_kept():
    scores, shares = _principal(np.random.default_rng(0).normal(size=(100, 80)))
    assert scores.shape == (100, 64)
    assert 0.9 < shares.sum() < 1


@pytest.mark.parametrize(
    ("method", "expected"), [("comcl", True), ("moco", True), ("cabnet", False)]
)
def test_only_pretrained_encoders_are_embedded(context_of, method, expected):
    assert pretrained(stages(context_of(method))) is expected
