"""What networks trained in phases share: parts that stay as they are, weights handed on.

Batch normalisation of a frozen part keeps its statistics: the part stays in eval mode, so that
what an earlier phase has learnt is not moved by batches that it does not learn from.
"""

from collections.abc import Collection, Iterable, Mapping

from torch import Tensor, nn

from baselines import backbones


def untrained(module: nn.Module, trained: Collection[str]) -> tuple[str, ...]:
    """The direct children of a network that a phase does not train, by name."""
    return tuple(name for name, _ in module.named_children() if name not in trained)


def freeze(module: nn.Module, parts: Iterable[str]) -> None:
    """Take some parts out of training: no gradient, and eval mode; see `keep_frozen`."""
    for name in parts:
        module.get_submodule(name).requires_grad_(False).eval()


def keep_frozen(module: nn.Module, parts: Iterable[str]) -> None:
    """Put frozen parts back in eval mode: to be called whenever the network's mode was set."""
    for name in parts:
        module.get_submodule(name).eval()


def continue_from(
    module: nn.Module, state: Mapping[str, Tensor], *, added: Collection[str] = ()
) -> None:
    """Start from all weights of the phase before, which lacks the parts added now and no more.

    Args:
        state: Of the whole network as the phase before left it.
        added: Dotted names of the parts that this phase adds; they keep their first weights.

    Raises:
        backbones.WeightsMismatch: a tensor is missing, left over or of another shape.
    """
    prefixes = tuple(f"{name}." for name in added)
    new = {
        name: tensor for name, tensor in module.state_dict().items() if name.startswith(prefixes)
    }
    backbones.load_backbone(module, {**new, **state}, source="the phase before")
