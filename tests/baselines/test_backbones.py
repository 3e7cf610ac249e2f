"""Weights match in every tensor, or the backbone is refused."""

from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import save_file

from baselines.backbones import (
    WeightsMismatch,
    WeightsUnavailable,
    create,
    fetch_imagenet,
    load_backbone,
    read_weights,
)

CHANNELS = (8, 8, 16, 24)
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def backbone(seed: int = 0, **options) -> torch.nn.Module:
    torch.manual_seed(seed)
    return create("resnet10t", channels=CHANNELS, **options).eval()


def test_a_backbone_ends_in_a_map_of_its_features():
    features = backbone()(IMAGES)
    assert features.shape == (2, backbone().num_features, 1, 1)
    assert backbone().num_features == 24


def test_a_random_start_follows_the_seed():
    assert torch.equal(backbone(1)(IMAGES), backbone(1)(IMAGES))
    assert not torch.equal(backbone(1)(IMAGES), backbone(2)(IMAGES))


def wrapped(state: dict) -> dict[str, dict]:
    """The same weights in the ways that checkpoints hold them."""
    head = {"fc.weight": torch.zeros(5, 24), "fc.bias": torch.zeros(5)}
    moco = {f"module.encoder_q.{k}": v for k, v in (state | head).items()}
    moco |= {f"module.encoder_k.{k}": v + 1 for k, v in state.items()}
    return {
        "bare": state,
        "with a head": state | head,
        "parallel": {f"module.{k}": v for k, v in state.items()},
        "wrapped": {"state_dict": state, "epoch": 3},
        "model": {"model": state},
        "contrast": {"state_dict": moco | {"module.queue": torch.zeros(4)}},
        **inside_networks(state, head),
    }


def inside_networks(state: dict, head: dict) -> dict[str, dict]:
    """The same weights inside the checkpoints of whole networks."""

    def under(prefix: str, add: float = 0.0) -> dict:
        return {f"{prefix}.{k}": v + add if v.is_floating_point() else v for k, v in state.items()}

    other_classes = {"head.weight": torch.zeros(3, 24), "head.bias": torch.zeros(3)}
    return {
        "a run's own": under("trunk") | other_classes,
        "with its head inside": under("encoder") | {f"encoder.{k}": v for k, v in head.items()},
        "ours, pretrained": under("encoders.query.trunk") | under("encoders.key.trunk", 1),
        "as the released code names it": under("encoder_q.0") | under("encoder_k.0", 1),
        "bootstrapped": under("online_network.encoder") | under("target_network.encoder", 1),
        "twice the same": under("student") | under("teacher"),
        "parallel, nested": {"model": {"state_dict": under("module.backbone")}, "epoch": 3},
        "of a checkpoint": {"module": under("trunk"), "optimizer": {"lr": 0.1}},
        "with numbers beside": under("trunk") | {"epoch": 3, "arch": "resnet10t"},
    }


@pytest.mark.parametrize("form", list(wrapped({})))
def test_weights_from_a_file_are_the_weights(tmp_path: Path, form: str):
    torch.save(wrapped(backbone(1).state_dict())[form], tmp_path / "weights.pt")
    loaded = backbone(2, weights=tmp_path / "weights.pt")
    assert torch.equal(loaded(IMAGES), backbone(1)(IMAGES))


def test_of_two_backbones_that_differ_none_is_taken(tmp_path: Path):
    one, other = backbone(1).state_dict(), backbone(3).state_dict()
    both = {f"student.{k}": v for k, v in one.items()} | {
        f"teacher.{k}": v for k, v in other.items()
    }
    torch.save(both, tmp_path / "weights.pt")
    with pytest.raises(WeightsMismatch, match=r"2 backbones that fit \('student\.', 'teacher\.'\)"):
        backbone(2, weights=tmp_path / "weights.pt")


def test_of_two_backbones_the_one_that_fits_is_taken(tmp_path: Path):
    torch.manual_seed(0)
    small = create("resnet10t", channels=(8, 8, 8, 8)).state_dict()
    both = {f"a.{k}": v for k, v in small.items()}
    both |= {f"b.{k}": v for k, v in backbone(1).state_dict().items()}
    torch.save(both, tmp_path / "weights.pt")
    assert torch.equal(backbone(2, weights=tmp_path / "weights.pt")(IMAGES), backbone(1)(IMAGES))


def test_a_checkpoint_of_another_width_is_told_tensor_by_tensor(tmp_path: Path):
    torch.manual_seed(0)
    small = create("resnet10t", channels=(8, 8, 8, 8)).state_dict()
    torch.save({f"trunk.{k}": v for k, v in small.items()}, tmp_path / "weights.pt")
    with pytest.raises(WeightsMismatch, match=r"0 tensors missing.*\d+ tensors of another shape"):
        backbone(2, weights=tmp_path / "weights.pt")


def test_a_file_without_tensors_is_told(tmp_path: Path):
    torch.save({"epoch": 3}, tmp_path / "weights.pt")
    with pytest.raises(WeightsUnavailable, match="hold no tensors"):
        backbone(2, weights=tmp_path / "weights.pt")


def test_safetensors_are_read_too(tmp_path: Path):
    save_file(backbone(1).state_dict(), tmp_path / "weights.safetensors")
    loaded = backbone(2, weights=str(tmp_path / "weights.safetensors"))
    assert torch.equal(loaded(IMAGES), backbone(1)(IMAGES))


def test_files_from_before_batch_counters_are_accepted():
    state = {k: v for k, v in backbone(1).state_dict().items() if "num_batches" not in k}
    loaded = backbone(2)
    load_backbone(loaded, state)
    assert torch.equal(loaded(IMAGES), backbone(1)(IMAGES))


def test_a_missing_tensor_is_counted_and_named():
    state = dict(backbone().state_dict())
    del state["layer1.0.conv1.weight"]
    with pytest.raises(WeightsMismatch, match=r"1 tensors missing \(layer1\.0\.conv1\.weight\)"):
        load_backbone(backbone(), state)


def test_a_tensor_left_over_is_counted_and_named():
    state = {**backbone().state_dict(), "layer9.weight": torch.zeros(1)}
    with pytest.raises(WeightsMismatch, match=r"1 tensors unexpected \(layer9\.weight\)"):
        load_backbone(backbone(), state)


def test_the_silent_failure_of_the_released_code_is_an_error_here():
    """Keys named encoder_q.0.* match nothing, and nobody was told.

    Source: docs/reference/open-questions.md#d43.
    """
    state = {f"encoder_q.0.{k}": v for k, v in backbone().state_dict().items()}
    with pytest.raises(WeightsMismatch, match=r"missing .*\.\.\.\)"):
        load_backbone(backbone(), state)


def test_a_refused_state_leaves_the_backbone_as_it_was():
    network = backbone(2)
    with pytest.raises(WeightsMismatch):
        load_backbone(network, {**backbone(1).state_dict(), "layer9.weight": torch.zeros(1)})
    assert torch.equal(network(IMAGES), backbone(2)(IMAGES))


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(WeightsUnavailable, match=r"none\.pt cannot be read"):
        backbone(weights=tmp_path / "none.pt")


@pytest.mark.parametrize("content", [b"", b"no tensors"])
def test_a_file_that_holds_no_tensors_is_told(tmp_path: Path, content: bytes):
    (tmp_path / "weights.pt").write_bytes(content)
    with pytest.raises(WeightsUnavailable, match=r"weights\.pt cannot be read: \S"):
        read_weights(tmp_path / "weights.pt")


def test_a_lone_tensor_is_no_checkpoint(tmp_path: Path):
    torch.save(torch.zeros(3), tmp_path / "weights.pt")
    with pytest.raises(WeightsUnavailable):
        read_weights(tmp_path / "weights.pt")


def test_imagenet_without_a_network_is_an_error_not_a_random_start(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsUnavailable, match=r"timm/resnet50\.tv_in1k are not cached"):
        create("resnet50", weights="imagenet")


def test_an_architecture_without_imagenet_weights_is_told():
    with pytest.raises(WeightsUnavailable, match="no ImageNet weights for resnet26t_x"):
        fetch_imagenet("resnet26t_x")


def test_cached_imagenet_weights_are_used_without_a_network(tmp_path, monkeypatch):
    snapshot = tmp_path / "models--timm--resnet50.tv_in1k" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").touch()
    refs = tmp_path / "models--timm--resnet50.tv_in1k" / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    assert fetch_imagenet("resnet50") == snapshot / "model.safetensors"


def test_a_narrow_backbone_has_every_width_divided_and_works():
    torch.manual_seed(0)
    full, narrow = create("inception_v3"), create("inception_v3", narrow=16)
    pairs = zip(full.named_parameters(), narrow.named_parameters(), strict=True)
    for (name, wide), (other, thin) in pairs:
        assert name == other
        assert thin.shape[0] * 16 == wide.shape[0], name
    assert narrow.num_features == 128
    narrow.train()
    assert narrow(torch.randn(2, 3, 80, 80)).shape[1] == 128


def test_a_divisor_that_does_not_fit_every_width_is_refused():
    with pytest.raises(ValueError, match="must divide every width"):
        create("inception_v3", narrow=7)
