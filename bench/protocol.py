"""Every setting that can change a number, each with its source; and the three protocols.

A setting's source is a section of the paper ("paper 3.1"), a line of released code ("code: ..."),
the reference card it follows ("card 2.8"), or "assumed: why". `PAPER` is what the paper says, with
gaps filled; `LAPTOP` is the whole study on two cores; `SMOKE` checks the wiring in seconds.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def setting(default: Any, *, source: str, unit: str = "", **rules: Any) -> Any:
    """A protocol field with its source; `rules` are pydantic's (ge, le, ...)."""
    return Field(default, json_schema_extra={"source": source, "unit": unit}, **rules)


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Data(_Group):
    """Which images, how large, and how they are split."""

    image_px: int = setting(512, source="card 2.8: Huang recipe", unit="px", ge=16)
    patch_image_px: int = setting(
        512, source="code: CoMCL/tools/crop.py, patches of 128 on 512", unit="px", ge=16
    )
    validation_share: float = setting(
        0.1, source="assumed: the paper names no validation split", gt=0, lt=0.5
    )
    test_share: float = setting(
        0.3, source="assumed: for a folder whose labels.csv has no split column", gt=0, lt=0.9
    )
    data_seed: int = setting(0, source="assumed: the paper gives no seed", ge=0)
    limit: int | None = setting(None, source="assumed: all images", unit="images", ge=20)
    shuffle_labels: bool = setting(False, source="assumed: a control, kappa must be near 0")
    twin_train: int = setting(1254, source="assumed: a tenth of EyeQ", unit="images", ge=40)
    twin_test: int = setting(1625, source="assumed: a tenth of EyeQ", unit="images", ge=40)
    twin_px: int = setting(256, source="assumed: 128-px patches on 512 become 64", unit="px", ge=64)


class Degradation(_Group):
    """How high-quality images are made low-quality until the share is reached."""

    model: Literal["mix", "cofe", "cataract", "gfe_map"] = setting(
        "mix", source="assumed: paper 3.2 names both models and no mixture (D32)"
    )
    strength: float = setting(1.0, source="paper 3.2: the models as published", ge=0, le=10)
    size_variant: Literal["512", "1024"] = setting("512", source="card 5.6: cofe-Net's own size")
    apply_to: Literal["both", "train", "test"] = setting(
        "both", source="assumed: 'degrading all images' (D30)"
    )


class Patches(_Group):
    """The patches that contrastive methods see."""

    size_px: int = setting(128, source="paper 3.1", unit="px of patch_image_px", ge=8)
    boxes: Literal["auto", "oracle", "given", "random_lesion_crops"] = setting(
        "auto", source="assumed: the data set's boxes where it has any, else random lesion crops"
    )
    minimum: int = setting(
        50, source="assumed: fewer distinct patches cannot form a level", unit="patches", ge=1
    )


class Init(_Group):
    """What the backbone starts from."""

    weights: str = setting("imagenet", source="code: CoMCL/modules.py (D1); imagenet|random|FILE")


class Backbone(_Group):
    """The network that all methods share; plain classifiers keep their family."""

    name: str = setting("resnet50", source="paper 3.1")
    inception: str = setting("inception_v3", source="paper 3.2")
    densenet: str = setting("densenet121", source="paper 3.2")
    channels: tuple[int, ...] | None = setting(
        None, source="assumed: the published widths; small protocols narrow the ResNet"
    )


class Pretraining(_Group):
    """What every contrastive method gets."""

    epochs: int = setting(800, source="paper 3.1", ge=1)
    batch: int = setting(400, source="paper 3.1; 100 a level (D19)", unit="patches", ge=4)
    optimizer: Literal["adam", "sgd"] = setting("adam", source="paper 3.1 (D17)")
    lr: float = setting(1e-3, source="paper 3.1", gt=0)
    momentum: float = setting(0.9, source="paper 3.1, read as Adam's beta1 (D18)", ge=0, lt=1)
    weight_decay: float = setting(0.0, source="assumed: not stated (D17)", ge=0)
    schedule: Literal["constant", "cosine"] = setting("constant", source="assumed: none is stated")
    temperature: float = setting(0.07, source="paper 3.1", gt=0)
    key_momentum: float = setting(0.999, source="code: CoMCL/modules.py", ge=0, le=1)
    queue: int = setting(7200, source="code: CoMCL/modules.py:160", unit="keys a level", ge=1)


class Finetuning(_Group):
    """What every supervised path gets."""

    epochs: int = setting(25, source="card 2.8: Huang recipe", ge=1)
    batch: int = setting(16, source="card 2.8", unit="images", ge=2)
    accumulation: int = setting(1, source="assumed: the batch fits", unit="micro-batches", ge=1)
    optimizer: Literal["adamw", "adam", "sgd"] = setting("sgd", source="card 2.8")
    lr: float = setting(1e-3, source="card 2.8", gt=0)
    momentum: float = setting(0.9, source="card 2.8, Nesterov", ge=0, lt=1)
    weight_decay: float = setting(5e-4, source="card 2.8", ge=0)
    schedule: Literal["constant", "cosine"] = setting("cosine", source="card 2.8")
    warmup_share: float = setting(0.0, source="card 2.8: none", ge=0, lt=1)
    select: Literal["best", "last"] = setting("best", source="card 2.8: best validation kappa")
    augmentation: Literal["finetune", "flips", "none"] = setting("finetune", source="card 2.8")


class Normalisation(_Group):
    """Channel statistics that inputs are normalised with."""

    mean: tuple[float, float, float] = setting(
        (0.4258, 0.2974, 0.2129), source="code: Downstream Task (D45)"
    )
    std: tuple[float, float, float] = setting(
        (0.2767, 0.2024, 0.1686), source="code: Downstream Task (D45)"
    )


class CoMCL(_Group):
    """The open points of the paper that are switches of the method itself."""

    head: Literal["mlp", "linear", "none"] = setting("mlp", source="code: modules.py (D3)")
    negatives: Literal["queue", "batch"] = setting("queue", source="code: modules.py (D7)")
    topk: Literal["cosine", "off"] = setting("cosine", source="paper 2.2, Eq. 2")
    k_rule: Literal["floor", "literal"] = setting(
        "floor", source="assumed: as printed K_t reaches 0 (D10)"
    )
    k_min: int = setting(1, source="assumed: smallest count that keeps a negative (D10)", ge=1)
    k_direction: Literal["fall", "rise", "constant"] = setting("fall", source="paper 2.2 (D12)")
    topk_scope: Literal["row", "global"] = setting(
        "row", source="assumed: as Eq. 2 must mean (D16)"
    )
    spl: Literal["quantile", "literal", "kumar", "rescaled", "off"] = setting(
        "quantile", source="assumed: Eq. 3 as printed selects nothing (D13, card 2.6)"
    )
    empty_level: Literal["drop_loss", "paired_clean", "error"] = setting(
        "drop_loss", source="assumed: at 100 % two of three losses are undefined (D31)"
    )
    no_spl_removes: Literal["both", "topk", "spl"] = setting(
        "both", source="paper 3.3: 'without considering hard negatives' (D39)"
    )
    no_multilevel_pool: Literal["all", "high_quality"] = setting(
        "all", source="assumed: quality ignored (D40)"
    )
    la_role: Literal["negative", "positive", "off", "reversed"] = setting(
        "negative", source="paper 2.1 as printed (D55)"
    )
    loss_weights: tuple[float, float, float] = setting(
        (1.0, 1.0, 1.0), source="assumed: the total loss is not written (D9)"
    )


class Engine(_Group):
    """Arithmetic that can change a number."""

    precision: Literal["fp32", "bf16", "fp16"] = setting("bf16", source="assumed: speed")
    channels_last: bool = setting(True, source="assumed: speed")
    threads: int = setting(2, source="assumed: CPU threads; sums depend on their number", ge=1)


class Protocol(_Group):
    """All settings of a run that are not its method, data set, ratio and seed."""

    data: Data = Data()
    degradation: Degradation = Degradation()
    patches: Patches = Patches()
    init: Init = Init()
    backbone: Backbone = Backbone()
    pretraining: Pretraining = Pretraining()
    finetuning: Finetuning = Finetuning()
    normalisation: Normalisation = Normalisation()
    comcl: CoMCL = CoMCL()
    engine: Engine = Engine()
