"""A probe tells an encoder that knows the answer from one that does not, and changes neither."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from bench.evaluation.gates import GAIN, PROBE, UNTRAINED, pretraining_failed
from bench.pipeline import build, probe


class Encoder(nn.Module):
    """Features of an image through a norm: its grade, or the name of it, which tells nothing."""

    def __init__(self, context, shown):
        super().__init__()
        everything = np.arange(len(context.dataset.records))
        self.prepare = build.prepare(context)
        self.known = self.means(torch.from_numpy(build.pixels(context).images(everything)))
        self.shown, self.norm = torch.from_numpy(shown).float(), nn.BatchNorm1d(shown.shape[1])

    def means(self, images):
        return self.prepare(images).double().mean(dim=(2, 3))

    def features(self, prepared):
        distance = torch.cdist(prepared.double().mean(dim=(2, 3)), self.known)
        return self.norm(self.shown[distance.argmin(dim=1)])


@pytest.fixture
def context(context_of):
    return context_of("comcl")


@pytest.fixture
def knowing(context):
    """One that shows each image's grade."""
    return Encoder(context, np.eye(5)[context.dataset.labels()[:, 0]])


@pytest.fixture
def blind(context):
    """One that shows numbers of which no grade can be told."""
    images = len(context.dataset.records)
    return Encoder(context, np.random.default_rng(0).standard_normal((images, 4)))


def test_an_encoder_that_shows_the_labels_gains_over_one_that_does_not(context, knowing, blind):
    scores = probe.compare(knowing, blind, context)
    assert scores[PROBE] > 0.9 > 0.5 > scores[UNTRAINED]
    assert 0 < scores[GAIN] < scores[PROBE] - scores[UNTRAINED]
    assert pretraining_failed("grading", scores) == ""


def test_an_encoder_gains_nothing_over_itself(context, knowing):
    scores = probe.compare(knowing, knowing, context)
    assert scores[PROBE] == scores[UNTRAINED]
    assert scores[GAIN] == 0
    assert "pretraining did not train" in pretraining_failed("grading", scores)


def test_both_networks_stay_as_they_were(context, knowing, blind):
    before = [deepcopy(network.state_dict()) for network in (knowing, blind)]
    torch.manual_seed(0)
    probe.compare(knowing, blind, context)
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert drawn == torch.rand(1)  # no random number of the training's is used up
    for network, state in zip((knowing, blind), before, strict=True):
        assert network.training
        assert all(torch.equal(state[n], t) for n, t in network.state_dict().items())


def test_norms_know_the_training_images(context, knowing, blind):
    """An encoder that never trained has statistics of nothing; the probe is not to see that."""
    plain = probe.compare(knowing, blind, context)
    knowing.norm.running_mean.fill_(1e3)
    knowing.norm.running_var.fill_(1e-6)
    assert probe.compare(knowing, blind, context) == plain


def test_a_record_without_a_probe_is_not_called_untaught():
    assert pretraining_failed("grading", {"kappa": 0.5}) == ""
    assert "undefined" in pretraining_failed("grading", {PROBE: None, UNTRAINED: 0.1, GAIN: None})
