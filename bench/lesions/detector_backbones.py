"""What the lesion detector's pyramid stands on: three networks, and what each may start from.

Sources: torchvision's ResNet50 and MobileNetV3-Large with its own ImageNet weights; timm's
EfficientNet-Lite0 with those of a package (`baselines.packaged_weights`).
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.ops import FrozenBatchNorm2d

from bench.errors import RequestError
from bench.protocol.settings import DetectorSettings

Statistics = tuple[float, float, float]
IMAGENET: tuple[Statistics, Statistics] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
LITE: tuple[Statistics, Statistics] = (
    (127 / 255, 127 / 255, 127 / 255),
    (128 / 255, 128 / 255, 128 / 255),
)
"""Mean and deviation of the channels, in 0..1, that the weights were trained with."""

FROM_RANDOM = "or start from nothing with --set detector.weights=random"


@dataclass(frozen=True)
class DetectorBackbone:
    """A network, which of its layers feed the pyramid, how wide they are, and what it is shown.

    Attributes:
        body: Whose children are run one after the other.
        returned: Child -> level of the pyramid, finest first.
        widths: Channels of each.
        statistics: Mean and deviation that its input is normalised with.
    """

    body: nn.Module
    returned: dict[str, str]
    widths: list[int]
    statistics: tuple[Statistics, Statistics] = IMAGENET

    @property
    def levels(self) -> int:
        """How many layers feed the pyramid."""
        return len(self.returned)


def build(settings: DetectorSettings, *, fetch: bool) -> DetectorBackbone:
    """The backbone that the settings name.

    Args:
        fetch: Start from the weights that the settings name; without, they are about to be loaded.

    Raises:
        RequestError: for weights of another network, or such as cannot be had.
    """
    make, weights = BACKBONES[settings.architecture]
    if settings.weights not in ("random", weights):
        raise RequestError(
            f"--set detector.weights={settings.weights}: {settings.architecture} starts from "
            f"{weights} or random; ask for one of them, or for another detector.architecture"
        )
    return make(settings, fetch and settings.weights != "random")


def _resnet50(settings: DetectorSettings, fetch: bool) -> DetectorBackbone:
    """Strides 4 to 32; with ImageNet weights the stem and the first stage stay.

    Source: docs/reference/detector.md#settings.
    """
    body = models.resnet50(norm_layer=_norm(settings))
    if fetch:
        body.load_state_dict(_imagenet(models.ResNet50_Weights.IMAGENET1K_V1))
        for part in (body.conv1, body.layer1):
            part.requires_grad_(False)
    names = {f"layer{n}": str(n - 1) for n in range(1, 5)}
    return DetectorBackbone(body, names, [256, 512, 1024, 2048])


def _mobilenet(settings: DetectorSettings, fetch: bool) -> DetectorBackbone:
    """Strides 4, 8 and 16 of MobileNetV3-Large."""
    body = models.mobilenet_v3_large(norm_layer=_norm(settings))
    if fetch:
        body.load_state_dict(_imagenet(models.MobileNet_V3_Large_Weights.IMAGENET1K_V1))
    return DetectorBackbone(body.features, {"3": "0", "6": "1", "12": "2"}, [24, 40, 112])


def _efficientnet_lite0(settings: DetectorSettings, fetch: bool) -> DetectorBackbone:
    """Strides 4 to 32 of EfficientNet-Lite0; with weights, what comes before stride 4 stays.

    Its last 1 x 1 convolution is left out (assumed). That the first layers stay follows ResNet50's.
    """
    from timm.layers.norm_act import freeze_batch_norm_2d

    from baselines import backbones

    weights = settings.weights if fetch else "random"
    try:
        whole: Any = backbones.create("tf_efficientnet_lite0", weights=weights)
    except backbones.WeightsUnavailable as error:
        raise RequestError(f"{error}; {FROM_RANDOM}") from error
    stages = {f"blocks{number}": stage for number, stage in enumerate(whole.blocks)}
    body = nn.Sequential(OrderedDict(stem=whole.conv_stem, norm=whole.bn1, **stages))
    if settings.weights != "random":
        body = freeze_batch_norm_2d(body)
    if fetch:
        for part in (body.stem, body.blocks0, body.blocks1):
            part.requires_grad_(False)
    names = {f"blocks{stage}": str(level) for level, stage in enumerate((1, 2, 4, 6))}
    return DetectorBackbone(body, names, [24, 40, 112, 320], LITE)


BACKBONES: dict[str, tuple[Callable[[DetectorSettings, bool], DetectorBackbone], str]] = {
    "resnet50_fpn": (_resnet50, "imagenet"),
    "mobilenet_320_fpn": (_mobilenet, "imagenet"),
    "efficientnet_lite0_fpn": (_efficientnet_lite0, "efficientnet-lite0"),
}
"""Each network, and the weights that there are for it."""


def _norm(settings: DetectorSettings) -> Callable[..., nn.Module]:
    """Batches are too small for statistics of their own, which a random start cannot do without."""
    return nn.BatchNorm2d if settings.weights == "random" else FrozenBatchNorm2d


def _imagenet(weights: Any) -> dict[str, Tensor]:
    """Weights of ImageNet, from torch's cache or its site.

    Raises:
        RequestError: when they are not cached and cannot be fetched.
    """
    try:
        return weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise RequestError(
            f"ImageNet weights {weights.url} are not in torch's cache and cannot be fetched "
            f"({error}); put the file into {torch.hub.get_dir()}/checkpoints, {FROM_RANDOM}"
        ) from error
