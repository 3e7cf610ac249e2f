"""The named protocols, and how `--set` derives a variant of one.

`PAPER` is `Protocol()` itself. Whatever `LAPTOP` and `SMOKE` change stands in one literal table
with its reason, so that `bench protocol` can print a source for every value in force.
"""

import difflib
import json
from typing import Any

from pydantic import BaseModel, ValidationError

from bench.errors import RequestError
from bench.protocol.settings import Protocol

LAPTOP_CHANGES: dict[str, tuple[Any, str]] = {
    "data.image_px": (64, "assumed: two cores"),
    "data.patch_image_px": (256, "assumed: cut from the image as drawn, so that lesions show"),
    "patches.size_px": (64, "assumed: 128 on 512 scaled"),
    "patches.minimum": (20, "assumed: a tenth of the images"),
    "detector.architecture": (
        "mobilenet_320_fpn",
        "assumed: two cores (docs/reference/training.md#lesion-detector-on-a-cpu)",
    ),
    "detector.weights": ("random", "assumed: nothing to download"),
    "detector.image_px": (320, "assumed: two cores"),
    "detector.smallest_anchor_px": (
        6,
        "assumed: the twin's haemorrhages are 4 to 23 px wide at 320",
    ),
    "detector.ratios": ((1.0,), "assumed: two cores; small lesions are round"),
    "detector.channels": (64, "assumed: two cores"),
    "detector.head": (256, "assumed: two cores"),
    "detector.proposals": (300, "assumed: two cores; three times the boxes that are kept"),
    "detector.samples": (64, "assumed: two cores"),
    "detector.epochs": (12, "assumed: about 380 s of a core where it was tried (results/LOG.md)"),
    "detector.least_shown": (1440, "assumed: as of the companion, of the user's photographs"),
    "detector.batch": (4, "assumed: norms that learn need more than two images"),
    "detector.optimizer": ("adamw", "assumed: a random start in few steps"),
    "detector.lr": (2e-3, "assumed: a random start in few steps"),
    "detector.weight_decay": (0.01, "assumed: AdamW's usual value"),
    "detector.warmup_steps": (30, "assumed: 360 steps in all"),
    "detector.milestones": ((0.6, 0.9), "assumed: a random start needs the full rate longer"),
    "detector.companion_images": (162, "assumed: drawn in half a minute; 120 to train on"),
    "init.weights": ("random", "assumed: nothing to download"),
    "backbone.name": ("resnet10t", "assumed: two cores (docs/reference/training.md#backbone)"),
    "backbone.channels": ((32, 64, 128, 256), "assumed: two cores"),
    "backbone.stem_width": (16, "assumed: two cores; the published stem is over half the work"),
    "pretraining.epochs": (8, "assumed: 40 s of one core"),
    "pretraining.batch": (96, "assumed: 24 a level"),
    "pretraining.queue": (
        512,
        "assumed: about twice the pool of a level (docs/reference/methods.md#sizes-on-eyeq)",
    ),
    "pretraining.key_momentum": (0.99, "assumed: tens of steps instead of ten thousand"),
    "finetuning.epochs": (14, "assumed: with 8 nothing left the ground at 1.0 (results/LOG.md)"),
    "finetuning.augmentation": ("flips", "assumed: a random start in few steps"),
    "finetuning.optimizer": ("adamw", "assumed: a random start in few steps"),
    "finetuning.lr": (2e-3, "assumed: a random start in few steps"),
    "finetuning.weight_decay": (0.05, "assumed: AdamW's usual value"),
    "finetuning.warmup_share": (0.15, "assumed: a random start"),
    "inception.image_px": (112, "assumed: 64 px enlarged; below 107 its last map is one cell"),
    "inception.narrow": (4, "assumed: two cores"),
    "densenet.growth_rate": (8, "assumed: two cores; the depth is kept"),
    "mmcnn.image_px": (96, "assumed: 720 of a 512-px protocol, an eighth, from the larger copy"),
    "mmcnn.resolutions": ((32, 64, 96), "assumed: 224, 448 and 720, an eighth, in steps of 32"),
    "zoom_in_net.image_px": (160, "assumed: 1230 an eighth, from the larger cached copy"),
    "zoom_in_net.low_px": (64, "assumed: 492 an eighth"),
    "zoom_in_net.crop_px": (48, "assumed: 384 an eighth"),
    "zoom_in_net.attention_width": (64, "assumed: two cores"),
    "deepmt_dr.width": (8, "assumed: two cores"),
    "deepmt_dr.sr_channels": (16, "assumed: two cores"),
    "deepmt_dr.hidden": (128, "assumed: two cores"),
    "engine.precision": ("fp32", "assumed: bf16 is emulated on CPUs without avx512_bf16"),
}

SMOKE_CHANGES: dict[str, tuple[Any, str]] = {
    **LAPTOP_CHANGES,
    "patches.boxes": ("no_detector", "assumed: wiring only; no time for a detector"),
    "data.twin_train": (240, "assumed: wiring only"),
    "data.twin_test": (200, "assumed: wiring only"),
    "data.twin_px": (128, "assumed: wiring only"),
    "data.patch_image_px": (128, "assumed: wiring only"),
    "data.limit": (440, "assumed: wiring only"),
    "patches.size_px": (32, "assumed: 128 on 512 scaled"),
    "patches.minimum": (4, "assumed: wiring only"),
    "backbone.channels": ((16, 32, 64, 128), "assumed: wiring only"),
    "pretraining.epochs": (4, "assumed: wiring only"),
    "pretraining.batch": (64, "assumed: wiring only"),
    "pretraining.queue": (128, "assumed: wiring only"),
    "finetuning.epochs": (2, "assumed: wiring only"),
    "inception.image_px": (76, "assumed: wiring only"),
    "inception.narrow": (8, "assumed: wiring only"),
    "densenet.growth_rate": (4, "assumed: wiring only"),
    "mmcnn.image_px": (64, "assumed: wiring only"),
    "mmcnn.resolutions": ((32, 48, 64), "assumed: wiring only"),
    "zoom_in_net.image_px": (96, "assumed: wiring only"),
    "zoom_in_net.low_px": (48, "assumed: wiring only"),
    "zoom_in_net.crop_px": (32, "assumed: wiring only"),
}

CHANGES: dict[str, dict[str, tuple[Any, str]]] = {
    "paper": {},
    "laptop": LAPTOP_CHANGES,
    "smoke": SMOKE_CHANGES,
}


def named(name: str) -> Protocol:
    """The protocol called paper, laptop or smoke.

    Raises:
        RequestError: for any other name.
    """
    if name not in CHANGES:
        raise RequestError(f"--protocol {name}: choose one of: {', '.join(CHANGES)}")
    return _with(Protocol(), {key: value for key, (value, _) in CHANGES[name].items()})


def derive(protocol: Protocol, assignments: list[str]) -> Protocol:
    """A variant of a protocol by `group.field=value` texts; values are JSON or plain words.

    Raises:
        RequestError: on a missing "=", an unknown key (naming the nearest) or a bad value.
    """
    changes = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise RequestError(f"--set {assignment!r} has no '='; write --set group.field=value")
        if key not in field_names():
            near = difflib.get_close_matches(key, sorted(field_names()), n=1, cutoff=0)
            raise RequestError(f"--set {key}: no such setting; did you mean {near[0]}?")
        changes[key] = _value(text)
    return _with(protocol, changes)


def field_names() -> set[str]:
    """All settings as "group.field"."""
    return {
        f"{group}.{name}"
        for group, info in Protocol.model_fields.items()
        for name in _model(info.annotation).model_fields
    }


def sources(name: str = "paper") -> list[dict[str, Any]]:
    """One row a setting: key, value, unit and source, as the named protocol has it."""
    protocol, rows = named(name), []
    for group, info in Protocol.model_fields.items():
        for field, details in _model(info.annotation).model_fields.items():
            extra = details.json_schema_extra
            assert isinstance(extra, dict), "every field is made by setting()"
            key = f"{group}.{field}"
            source = CHANGES[name][key][1] if key in CHANGES[name] else extra["source"]
            value = getattr(getattr(protocol, group), field)
            rows.append({"key": key, "value": value, "unit": extra["unit"], "source": source})
    return rows


def flatten(protocol: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A dumped protocol as {"group.field": value}."""
    return {f"{group}.{name}": v for group, body in protocol.items() for name, v in body.items()}


def _with(protocol: Protocol, changes: dict[str, Any]) -> Protocol:
    dumped = protocol.model_dump()
    for key, value in changes.items():
        group, _, field = key.partition(".")
        dumped[group][field] = value
    try:
        return Protocol.model_validate(dumped)
    except ValidationError as error:
        raise RequestError("; ".join(_explain(problem) for problem in error.errors())) from None


def _explain(problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    return f"--set {key}={problem['input']}: {problem['msg'][0].lower()}{problem['msg'][1:]}"


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return {"True": True, "False": False, "None": None}.get(text, text)


def _model(annotation: Any) -> type[BaseModel]:
    return annotation
