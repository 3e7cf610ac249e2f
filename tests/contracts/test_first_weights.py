"""A run's own checkpoint is first weights of another run, for every method of the roster."""

import pytest
import torch

from bench.errors import RequestError
from bench.pipeline import build
from bench.pipeline.record import keep_weights
from bench.roster import METHODS
from bench.training.stages import initial_weights

SEVERAL = {"zoom-in-net"}
"""Methods whose last network holds two backbones, of other weights each after training."""


def first_module(context):
    return initial_weights(build.stages(context)[0].module, 0)


def backbones_of(module):
    """The tensors of each backbone in a module, by what stands before their names."""
    state = module.state_dict()
    places = {name.partition("trunk.")[0] + "trunk." for name in state if "trunk." in name}
    return {
        place: {k.removeprefix(place): v for k, v in state.items() if k.startswith(place)}
        for place in sorted(places)
    }


@pytest.fixture
def trained(context_of, tmp_path):
    """A method's last network as after a training, and its file of weights."""

    def make(method):
        network = initial_weights(build.stages(context_of(method))[-1].module, 1)
        with torch.no_grad():
            for tensor in network.state_dict().values():
                tensor += 1
        keep_weights(network, tmp_path)
        return network, tmp_path / "checkpoint.safetensors"

    return make


def alike(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.mark.parametrize("method", [name for name in METHODS if name not in SEVERAL])
def test_a_run_starts_from_the_checkpoint_of_another(context_of, trained, method):
    network, path = trained(method)
    random = backbones_of(first_module(context_of(method)))
    loaded = backbones_of(first_module(context_of(method, changes=(f"init.weights={path}",))))
    assert loaded.keys() == random.keys() and loaded
    for place, state in loaded.items():
        assert not alike(state, random[place]), place
        assert any(alike(state, own) for own in backbones_of(network).values()), place


@pytest.mark.parametrize("method", sorted(SEVERAL))
def test_of_two_backbones_in_a_checkpoint_none_is_taken(context_of, trained, method):
    _, path = trained(method)
    with pytest.raises(RequestError, match=r"2 backbones that fit \('trunk\.', 'crop_trunk\.'\)"):
        first_module(context_of(method, changes=(f"init.weights={path}",)))


def test_a_checkpoint_of_another_architecture_is_refused(context_of, trained):
    _, path = trained("densenet121")
    with pytest.raises(RequestError, match=r"for another network: \d+ tensors missing"):
        first_module(context_of("resnet50", changes=(f"init.weights={path}",)))


@pytest.mark.parametrize("backbone", ["vit_tiny_patch16_224", "mobilenetv3_small_100"])
def test_a_backbone_that_a_method_cannot_use_is_a_wrong_request(context_of, backbone):
    """LANet cuts its backbone in two, which not every network can be."""
    options = ("backbone.channels=null", "backbone.stem_width=null")
    context = context_of("lanet", changes=(f"backbone.name={backbone}", *options))
    with pytest.raises(RequestError, match=r"lanet cannot be built.*must be a chain of modules"):
        build.stages(context)[0].module()
