"""The settings of the lesion detector, which stand in a run's identity where its boxes are used."""

from typing import Literal

from bench.protocol.fields import SettingsGroup, setting


class DetectorSettings(SettingsGroup):
    """The lesion detector around whose boxes contrastive methods cut patches.

    Part of the identity of those runs only that use its boxes.
    """

    architecture: Literal["resnet50_fpn", "mobilenet_320_fpn", "efficientnet_lite0_fpn"] = setting(
        "resnet50_fpn",
        source="reference: detector.md#settings: Faster R-CNN; torchvision's box loss instead of "
        "GIoU",
    )
    weights: Literal["imagenet", "random", "efficientnet-lite0"] = setting(
        "imagenet", source="reference: detector.md#settings"
    )
    augmentation: Literal["mirror", "mirror_and_turns"] = setting(
        "mirror", source="reference: detector.md#settings: mirrored with probability .5"
    )
    image_px: int = setting(
        1600,
        source="reference: detector.md#settings: 1600 x 1200; assumed: of the square field of view",
        unit="px",
        ge=64,
    )
    smallest_anchor_px: int = setting(
        8,
        source="assumed: microaneurysms lie below the code's 32 "
        "(docs/reference/detector.md#anchors)",
        unit="px",
        ge=2,
    )
    ratios: tuple[float, ...] = setting(
        (0.5, 1.0, 2.0),
        source="reference: detector.md#settings",
        unit="heights of anchors by their widths",
    )
    channels: int = setting(
        256, source="reference: detector.md#settings", unit="of the feature pyramid", ge=8
    )
    head: int = setting(
        1024, source="reference: detector.md#settings", unit="features of the box head", ge=8
    )
    proposals: int = setting(1000, source="reference: detector.md#settings", unit="an image", ge=8)
    samples: int = setting(
        512, source="reference: detector.md#settings", unit="proposals an image in the loss", ge=8
    )
    epochs: int = setting(100, source="reference: detector.md#settings", ge=1)
    least_shown: int = setting(
        0, source="assumed: with few photographs more epochs, until so many are shown", ge=0
    )
    batch: int = setting(2, source="reference: detector.md#settings", unit="images", ge=1)
    optimizer: Literal["sgd", "adamw"] = setting("sgd", source="reference: detector.md#settings")
    lr: float = setting(5e-3, source="reference: detector.md#settings", gt=0)
    momentum: float = setting(0.9, source="reference: detector.md#settings", ge=0, lt=1)
    weight_decay: float = setting(1e-4, source="reference: detector.md#settings", ge=0)
    warmup_steps: int = setting(100, source="reference: detector.md#settings", unit="steps", ge=0)
    milestones: tuple[float, ...] = setting(
        (0.5, 0.8),
        source="reference: detector.md#settings: a tenth of the rate at epochs 50 and 80",
        unit="of training",
    )
    held_out: float = setting(
        7 / 27, source="assumed: for an IDRiD without its testing set", gt=0, lt=0.9
    )
    threads: int = setting(
        2, source="assumed: its own, so that all runs share one detector", unit="CPU threads", ge=1
    )
    confidence: float = setting(0.8, source="code: load_healthy_picture.ipynb (D24)", ge=0.05, le=1)
    border: float = setting(
        5 / 512, source="code: LCL build_dataset.py", unit="of the image's side", ge=0, lt=0.5
    )
    oversized: Literal["drop", "centre"] = setting(
        "drop", source="code: LCL build_dataset.py, boxes over 128 px on 512 (D53)"
    )
    without_box: Literal["drop", "random_crop"] = setting(
        "drop", source="code: load_healthy_picture.ipynb (D25)"
    )
    on_healthy: Literal["ignore", "hard_healthy"] = setting(
        "ignore", source="paper 2.1: RandC; the notebook takes the false boxes (D26)"
    )
    on_degraded: Literal["rerun", "reuse_clean"] = setting(
        "rerun",
        source="paper 2.1: f_det(X^m) of low-quality images too; "
        "docs/reference/detector.md#boxes-that-are-kept",
    )
    box_file: str | None = setting(
        None, source="assumed: none; a published pickle of boxes stands in for the detector"
    )
    companion_images: int = setting(
        81, source="assumed: as many as IDRiD has, for twins", unit="images", ge=4
    )
    companion_px: int = setting(256, source="assumed: as the twin's images", unit="px", ge=64)
