"""The settings that chest radiographs need and fundus photographs do not.

They enter the identity of runs on chest data alone.
"""

from typing import Any, Literal

from bench.protocol.fields import SettingsGroup, setting

FUNDUS_ONLY = (
    "degradation.model=",
    "degradation.size_variant=",
    "degradation.blur_px=",
    "normalisation.",
)
"""Beginnings of the settings that radiographs do not read."""

NIH_ONLY = tuple(
    f"chest.{name}="
    for name in (
        "subset",
        "train_images",
        "test_images",
        "quality",
        "low_share",
        "quality_file",
        "allow_leak",
    )
)
"""Beginnings of the settings that radiographs in a folder do not read: its `labels.csv` says it."""

READ_BY = {
    "allow_leak": ("patches.boxes", ("given",)),
    "severity": ("chest.degradation", ("single",)),
    "corruption": ("chest.degradation", ("single",)),
    "low_share": ("chest.quality", ("synthetic", "proxy_iqa")),
    "train_images": ("chest.subset", ("official_8",)),
    "test_images": ("chest.subset", ("official_8",)),
}
"""Settings that have an effect only where another has one of these values."""


class ChestSettings(SettingsGroup):
    """Which radiographs, how their quality is known, how they are degraded and shown."""

    subset: str = setting(
        "official_8",
        source="assumed: the paper's list is not published "
        "(docs/reference/data.md#which-images); official_8, all or"
        "list=FILE, a line an image",
        pattern=r"^(official_8|all|list=.+)$",
    )
    train_images: int = setting(8573, source="paper 3.1; caps official_8", unit="images", ge=10)
    test_images: int = setting(7007, source="paper 3.1; caps official_8", unit="images", ge=10)
    quality: Literal["synthetic", "view_ap", "proxy_iqa", "external"] = setting(
        "synthetic",
        source="assumed: no source of the paper's labels is public "
        "(D63, docs/reference/data.md#quality-labels-of-radiographs)",
    )
    low_share: float = setting(
        0.432, source="paper 3.2: 43.2 %; of synthetic and proxy_iqa", ge=0, lt=1
    )
    quality_file: str | None = setting(
        None, source="assumed: none; a CSV of image, quality (0 good, 1 usable, 2 reject)"
    )
    degradation: Literal["chain", "single", "fundus_literal"] = setting(
        "chain",
        source="assumed: both models that the paper cites are fundus models (D33, "
        "docs/reference/degradations.md#radiographs)",
    )
    severity: int = setting(
        3,
        source="reference: degradations.md#radiographs: MedMNIST-C's levels, of single",
        ge=1,
        le=5,
    )
    corruption: str | None = setting(
        None, source="assumed: single draws one an image; or one of MedMNIST-C's names"
    )
    crop_region: Literal["lungs", "anywhere"] = setting(
        "lungs", source="assumed: lung-field crops of diseased and of healthy images alike (D34)"
    )
    allow_leak: bool = setting(
        False,
        source="reference: data.md#nihs-boxes: all of NIH's boxes lie in the test list; True "
        "keeps their patients",
    )
    mean: tuple[float, float, float] = setting(
        (0.485, 0.456, 0.406), source="reference: training.md#chest-extension, ImageNet's"
    )
    std: tuple[float, float, float] = setting(
        (0.229, 0.224, 0.225), source="reference: training.md#chest-extension, ImageNet's"
    )
    rotation_deg: float = setting(
        10.0, source="reference: training.md#chest-extension; caps every augmentation", ge=0, le=180
    )
    flip_horizontal: float = setting(
        0.5,
        source="reference: training.md#chest-extension, 'off or .5'; the heart changes sides",
        ge=0,
        le=1,
    )


def unread(chest: ChestSettings, boxes: str) -> str:
    """A sentence about a changed setting without effect, which would name one run twice; or "".

    Args:
        boxes: `patches.boxes`.
    """
    values = {**{f"chest.{k}": v for k, v in chest.model_dump().items()}, "patches.boxes": boxes}
    for name, (reader, readers) in READ_BY.items():
        value = values[f"chest.{name}"]
        if value != ChestSettings.model_fields[name].default and values[reader] not in readers:
            return (
                f"--set chest.{name}={value}: not read with {reader}={values[reader]}; add --set "
                f"{reader}={readers[0]}, or leave it out"
            )
    return ""


def identity(
    chest: ChestSettings, protocol: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The groups of a protocol, as JSON values, that a run on radiographs has other than others.

    Files count by their kind alone: what they say is in a run's manifest. What radiographs do not
    read is left out.
    """
    group = chest.model_dump(mode="json")
    group["subset"] = chest.subset.partition("=")[0]
    del group["quality_file"]
    unread = {key.removeprefix("degradation.").removesuffix("=") for key in FUNDUS_ONLY}
    degradation = {k: v for k, v in protocol["degradation"].items() if k not in unread}
    return {"chest": group, "degradation": degradation}
