"""The settings of the patches that contrastive methods see, shared by all of them."""

from typing import Literal

from bench.protocol.fields import SettingsGroup, setting


class PatchSettings(SettingsGroup):
    """The patches that contrastive methods see."""

    size_px: int = setting(128, source="paper 3.1", unit="px of patch_image_px", ge=8)
    boxes: Literal["auto", "detector", "oracle", "given", "random_lesion_crops", "no_detector"] = (
        setting(
            "auto",
            source="paper 2.1: detected lesions; assumed: a boxes.csv goes first, a folder without "
            "either gets random lesion crops, and no_detector is auto that trains none",
        )
    )
    second_view: Literal["by_method", "own_window", "same"] = setting(
        "by_method",
        source="paper 2.1: 'an augmented version from' the patch, same; code: generate_patch, "
        "own_window for Lesion-base CL and Lesion-aware CL (D56)",
    )
    expansion: Literal["shifted", "centred"] = setting(
        "shifted", source="code: generate_patch shifts at random around the box (D57)"
    )
    minimum: int = setting(
        50, source="assumed: fewer distinct patches cannot form a level", unit="patches", ge=1
    )
