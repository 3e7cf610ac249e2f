"""Trunks: timm networks without classifier, and weights that match in every tensor or not at all.

The released CoMCL code loads with `strict=False` and so trains, silently, from other weights than
it names (docs/reference/open-questions.md#d43). Here a tensor that is missing or left over is an
error.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file
from torch import Tensor, nn

from baselines.packaged_weights import (
    PACKAGED,
    NotInstalled,
    OtherArchitecture,
    packaged_state,
)

# ImageNet V1 weights, the ones that the released pretraining code starts from (modules.py:155).
IMAGENET_V1 = {name: f"{name}.tv_in1k" for name in ("resnet18", "resnet50", "densenet121")}
WRAPPERS = ("state_dict", "model", "network", "module")
AVERAGED = {"k", "key", "momentum", "target", "ema"}
"""Words in the names of networks that follow another one slowly."""

HEADS = ("fc.", "head.", "classifier.", "classif.", "AuxLogits.")


class WeightsUnavailable(RuntimeError):
    """Pretrained weights that were requested are not available here."""


class WeightsMismatch(RuntimeError):
    """The weights are for another network."""


def create(
    name: str,
    *,
    weights: str | Path = "random",
    in_chans: int = 3,
    narrow: int = 1,
    **timm_options: Any,
) -> nn.Module:
    """A backbone that maps images (B, in_chans, H, W) to features (B, num_features, H', W').

    Args:
        name: a timm architecture.
        weights: "random", "imagenet" (V1 for ResNet50, else timm's choice), a key of
            `packaged_weights.PACKAGED`, or a file of tensors.
        in_chans: image channels.
        narrow: divides all widths, for families without an argument of their own for that.
        timm_options: further arguments of the architecture, e.g. `channels=(8, 16, 24, 32)`.

    Raises:
        WeightsUnavailable: no such file, not a file of tensors, or nothing to fetch them from.
        WeightsMismatch: a tensor is missing in the file, left over, or of another shape.
    """
    options = {"num_classes": 0, "global_pool": "", "in_chans": in_chans, **timm_options}
    backbone = timm.create_model(name, pretrained=False, **options)
    if narrow > 1:
        _narrow(backbone, narrow, in_chans)
    if weights != "random":
        state = backbone_in(
            first_tensors(name, weights), backbone.state_dict(), source=str(weights)
        )
        load_backbone(backbone, state, source=str(weights))
    return backbone


def first_tensors(name: str, weights: str | Path) -> dict[str, Tensor]:
    """What a network of this name starts from, by timm's names or those of a checkpoint.

    Args:
        name: a timm architecture.
        weights: as in `create`, but for "random".

    Raises:
        WeightsUnavailable, WeightsMismatch: as `create`.
    """
    if weights not in PACKAGED:
        return read_weights(fetch_imagenet(name) if weights == "imagenet" else Path(weights))
    with torch.device("meta"):  # structure alone, and no random number used up
        whole = timm.create_model(name, pretrained=False)
    try:
        return packaged_state(str(weights), name, whole)
    except NotInstalled as error:
        raise WeightsUnavailable(str(error)) from error
    except OtherArchitecture as error:
        raise WeightsMismatch(str(error)) from error


def _narrow(backbone: Any, divisor: int, in_chans: int) -> None:
    """Rebuild every convolution and norm with its widths divided, the image's channels aside."""
    for module in backbone.modules():
        for name, layer in module.named_children():
            if isinstance(layer, nn.Conv2d):
                setattr(module, name, _narrow_convolution(layer, divisor, in_chans))
            elif isinstance(layer, nn.BatchNorm2d):
                _narrow_norm(layer, divisor)
    backbone.num_features //= divisor


def _narrow_norm(layer: nn.BatchNorm2d, divisor: int) -> None:
    layer.num_features //= divisor
    tensors = {**dict(layer.named_parameters()), **dict(layer.named_buffers())}
    for tensor in tensors.values():
        if tensor.ndim:  # all but the counter of batches
            tensor.data = tensor.data[: layer.num_features].clone()


def _narrow_convolution(layer: nn.Conv2d, divisor: int, in_chans: int) -> nn.Conv2d:
    inputs, outputs = layer.in_channels, layer.out_channels
    if outputs % divisor or (inputs != in_chans and inputs % divisor):
        raise ValueError(f"narrow ({divisor}) must divide every width: {inputs} to {outputs}")
    assert layer.groups == 1, "grouped convolutions have a width of their own"
    return nn.Conv2d(
        inputs if inputs == in_chans else inputs // divisor,
        outputs // divisor,
        layer.kernel_size,  # pyright: ignore[reportArgumentType]
        layer.stride,  # pyright: ignore[reportArgumentType]
        layer.padding,  # pyright: ignore[reportArgumentType]
        bias=layer.bias is not None,
    )


def fetch_imagenet(name: str) -> Path:
    """The file of timm's ImageNet weights, from the hub's cache or else from the hub.

    Raises:
        WeightsUnavailable: timm has none, or they are not cached and the hub does not answer.
    """
    tagged = IMAGENET_V1.get(name, name)
    config = timm.models.get_pretrained_cfg(tagged)
    if config is None or not config.hf_hub_id:
        raise WeightsUnavailable(f"timm has no ImageNet weights for {name}")
    repository, file = config.hf_hub_id, "model.safetensors"
    try:
        return Path(hf_hub_download(repository, file, local_files_only=True))
    except LocalEntryNotFoundError:
        pass  # not cached: on to the hub
    try:
        # One question first: a download without network is tried over and over for a minute.
        HfApi().model_info(repository, timeout=10)
        return Path(hf_hub_download(repository, file))
    except Exception as error:  # whatever the hub's HTTP client of the day raises
        reason = (str(error) or repr(error)).splitlines()[0]
        raise WeightsUnavailable(
            f"ImageNet weights {repository} are not cached and cannot be fetched: {reason}"
        ) from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, without the dicts that they are wrapped in.

    Wrapping dicts ("state_dict", "model", ...) and prefixes ("module.") are taken off; of a
    momentum contrast checkpoint only the query encoder is kept.

    Raises:
        WeightsUnavailable: there is no such file, or it does not hold a dict of tensors.
    """
    try:
        content = load_file(path) if path.suffix == ".safetensors" else _torch_load(path)
        named = {str(k).removeprefix("module."): v for k, v in _unwrap(content).items()}
    except Exception as error:  # unpickling a wrong file can raise anything
        reason = (str(error) or repr(error)).splitlines()[0]
        raise WeightsUnavailable(f"weights {path} cannot be read: {reason}") from error
    tensors = {name: value for name, value in named.items() if isinstance(value, Tensor)}
    if not tensors:
        raise WeightsUnavailable(f"weights {path} hold no tensors")
    queries = {k: v for k, v in tensors.items() if k.startswith("encoder_q.")}
    return {k.removeprefix("encoder_q."): v for k, v in (queries or tensors).items()}


def _torch_load(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _unwrap(content: Mapping[str, Any]) -> Mapping[str, Any]:
    wrapped = next((content[w] for w in WRAPPERS if isinstance(content.get(w), Mapping)), None)
    return content if wrapped is None else _unwrap(wrapped)


def backbone_in(
    tensors: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    *,
    source: str = "state",
    any_shape: Collection[str] = (),
) -> dict[str, Tensor]:
    """The backbone's tensors in a checkpoint of a whole network, by their names in the backbone.

    A network's own checkpoint names them with a prefix ("trunk.", "query.trunk."). What fits in
    every name and shape is taken, whatever stands beside it; of a network and its moving average
    ("encoder_k", "momentum", "target", ...) the network. Where nothing fits, what has most of the
    names is given, for `load_backbone` to say what is wrong with it.

    Args:
        expected: The backbone's state.
        source: What the tensors are from, for the message.
        any_shape: Names that fit in any shape.

    Raises:
        WeightsMismatch: two backbones fit and differ, and which is meant cannot be known.
    """
    names = [name for name in expected if not name.endswith("num_batches_tracked")]
    prefixes = _prefixes(tensors, names[0])

    def fits(prefix: str) -> bool:
        found = {name: tensors.get(prefix + name) for name in names}
        return all(
            tensor is not None and (name in any_shape or tensor.shape == expected[name].shape)
            for name, tensor in found.items()
        )

    fitting = _distinct([prefix for prefix in prefixes if fits(prefix)], tensors, names)
    trained = [prefix for prefix in fitting if AVERAGED.isdisjoint(re.split("[._]", prefix))]
    if len(trained or fitting) > 1:
        raise WeightsMismatch(
            f"{source} holds {len(trained or fitting)} backbones that fit "
            f"({', '.join(repr(prefix) for prefix in trained or fitting)}) and differ; save the "
            "one that is meant to a file of its own, under the names of the bare network"
        )
    nearest = max(prefixes, key=lambda p: sum(p + n in tensors for n in names), default="")
    chosen = (trained or fitting or [nearest])[0]
    return {k.removeprefix(chosen): v for k, v in tensors.items() if k.startswith(chosen)}


def _prefixes(tensors: Mapping[str, Tensor], first: str) -> list[str]:
    """What stands before the name of a backbone's first tensor, shortest first."""
    named = (name for name in tensors if name == first or name.endswith(f".{first}"))
    return sorted((name.removesuffix(first) for name in named), key=lambda p: (len(p), p))


def _distinct(
    prefixes: Sequence[str], tensors: Mapping[str, Tensor], names: Sequence[str]
) -> list[str]:
    """The prefixes without those whose tensors are all equal to those of one before."""
    kept: list[str] = []
    for prefix in prefixes:
        if not any(all(_equal(tensors, k + n, prefix + n) for n in names) for k in kept):
            kept.append(prefix)
    return kept


def _equal(tensors: Mapping[str, Tensor], one: str, other: str) -> bool:
    return torch.equal(tensors[one], tensors[other])


def load_backbone(
    backbone: nn.Module, state: Mapping[str, Tensor], *, source: str = "state"
) -> None:
    """Copy the state into the backbone; only a classifier's tensors may be left over.

    Raises:
        WeightsMismatch: with how many tensors are missing, unexpected or of another shape, and
            the first few; the backbone is as it was.
    """
    expected = backbone.state_dict()
    # Files from before torch 0.4.1 have no such counters; batch norm does without them.
    counters = {key for key in expected if key.endswith("num_batches_tracked")}
    common = expected.keys() & state.keys()
    faults = {
        "missing": expected.keys() - state.keys() - counters,
        "unexpected": {k for k in state.keys() - expected.keys() if not k.startswith(HEADS)},
        "of another shape": {k for k in common if expected[k].shape != state[k].shape},
    }
    if any(faults.values()):
        differences = ", ".join(
            f"{len(keys)} tensors {what}{_first(keys)}" for what, keys in faults.items()
        )
        raise WeightsMismatch(f"{source} is for another network: {differences}")
    backbone.load_state_dict({key: state[key] for key in common}, strict=False)


def _first(keys: set[str], shown: int = 3) -> str:
    listed = ", ".join(sorted(keys)[:shown])
    return f" ({listed}{', ...' if len(keys) > shown else ''})" if keys else ""
