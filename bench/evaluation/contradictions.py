"""What a record says of itself, beside what its spec and its predictions say.

A run's id is a hash of its spec, so the spec cannot be edited without another id. Everything else
in `spec.json` could be: whatever follows from the spec or from the predictions is derived here
again and compared.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from bench import store
from bench.errors import RequestError
from bench.evaluation.stored_command import changes, options
from bench.experiments import original as original_of
from bench.protocol import variants
from bench.protocol.presets import CHANGES, derive, flatten, is_hashed, named
from bench.protocol.settings import with_values
from bench.roster import METHODS

Saved = dict[str, Any]
RESOLVED = {"init.weights", "chest.subset", "detector.box_file"}
"""Settings that an identity names by content or kind, and not as they were typed."""


def is_real(spec: Saved) -> bool:
    """Whether a run's images are a user's files; a synthetic twin has a name and an origin."""
    return original_of(spec["dataset"]) == spec["dataset"] and not spec["manifest"].get("origin")


def in_spec(folder: Path, saved: Saved) -> Iterator[str]:
    """What in `spec.json` does not follow from the spec in it, one sentence each.

    Args:
        saved: The file's content, of the type that `bench.schemas` asks for.
    """
    spec, about = saved["spec"], saved["about"]
    identity = store.Spec(**{name: spec[name] for name in store.Spec.__dataclass_fields__})
    names = dict.fromkeys((folder.name, saved["id"], identity.id))
    if len(names) > 1:
        yield f"its identity is {' or '.join(names)}"
    place = Path(*folder.parts[-3:])
    if place.parent != store.folder_of(Path(), identity).parent:
        yield f"it is of {spec['method']} on {spec['dataset']}, and lies in {place.parent}"
    key = comparability_key(saved)
    if key is not None and key != saved["key"]:
        yield f"its key is {saved['key']}, its spec gives {key}"
    for name, value in derived(saved).items():
        if about.get(name, value) != value:
            yield f"about.{name} is {about[name]!r}, its spec gives {value!r}"
    if other := _preset_of(saved):
        yield f"about.protocol_name is {about['protocol_name']}, its protocol is that of {other}"
    yield from _in_command(spec, about)
    yield from _in_assumptions(spec, about)


def in_predictions(saved: Saved, rows: pd.DataFrame) -> Iterator[str]:
    """What in `spec.json` does not follow from the predictions, one sentence each.

    Args:
        rows: From `bench.evaluation.stored_files.read_predictions`.
    """
    about = saved["about"]
    low = rows["quality"].to_numpy() > 0
    low |= rows["degraded"].to_numpy(dtype=bool)
    for split in ("validation", "test"):
        proportion = float(low[(rows["split"] == split).to_numpy()].mean())
        if not math.isclose(about["shares"][split], proportion, abs_tol=1e-9):
            yield (
                f"about.shares.{split} is {about['shares'][split]}, the predictions have "
                f"{proportion} of low quality"
            )
    kind = "grading" if "label" in rows else "findings"
    if about["kind"] != kind:
        yield f"about.kind is {about['kind']}, the predictions are of {kind}"
    count = sum(name.startswith("p_") for name in rows)
    if len(about["classes"]) != count:
        yield f"about.classes has {len(about['classes'])} names, the predictions {count} columns"


def in_counts(saved: Saved, rows: pd.DataFrame) -> Iterator[str]:
    """Where the predictions are not of as many images as the manifest has, each once.

    Splits that follow the run's seed have no number there.
    """
    for split, count in saved["spec"]["manifest"].get("images", {}).items():
        images = rows.loc[(rows["split"] == split).to_numpy(), "image_id"]
        if split in ("validation", "test") and (len(images), images.nunique()) != (count, count):
            yield (
                f"{len(images)} rows of {images.nunique()} {split} images, its manifest has {count}"
            )


def derived(saved: Saved) -> Saved:
    """The entries of `about` that follow from the spec, with the values that it gives them.

    What only a preset of today can tell is left out where the run's protocol is of another one;
    see `of_todays_preset`.
    """
    spec, about = saved["spec"], saved["about"]
    boxes = spec["protocol"].get("resolved", {}).get("boxes", "none")
    values: Saved = {"real": is_real(spec), "boxes": boxes}
    if spec["protocol"].get("data", {}).get("limit") is None and about.get("limited") is not None:
        values["limited"] = False
    if of_todays_preset(saved):
        values["changed_options"] = _changed_options(saved)
    return values


def comparability_key(saved: Saved) -> str | None:
    """The key that a spec gives its run; None where its method or preset is not of today.

    Under original settings, runs are compared by the preset that stands underneath; tuned ones by
    the preset's values, which the record holds.
    """
    spec = saved["spec"]
    identity = store.Spec(**{name: spec[name] for name in store.Spec.__dataclass_fields__})
    own = (*_own_groups(spec), "detector")
    if spec["method_digest"] is None and spec["method"] not in METHODS:
        return None
    if spec["settings"] != "original":
        return identity.key(own, saved["about"].get("tuned"))
    if not of_todays_preset(saved):
        return None
    protocol = _as_stored(spec, _requested(saved, "default"))
    return store.Spec(**{**vars(identity), "protocol": protocol}).key(own)


def of_todays_preset(saved: Saved) -> bool:
    """Whether the preset that a record names, with its changes, is the protocol of its spec."""
    try:
        requested = _requested(saved)
    except (RequestError, LookupError, TypeError, ValueError):
        return False  # a name or a setting that today's presets do not have
    return _as_stored(saved["spec"], requested) == saved["spec"]["protocol"]


def is_of_today(saved: Saved) -> bool:
    """Whether a run of its preset and changes would be named by the same settings today.

    A setting that it lacks is one that came after it. A detector and radiographs are named by those
    settings alone that were read, so theirs are not asked for.
    """
    if not of_todays_preset(saved):
        return False
    groups = saved["spec"]["protocol"]
    return all(
        field in groups[group] or not is_hashed(f"{group}.{field}", value)
        for group, body in _requested(saved).items()
        if group in groups and group not in ("detector", "chest")
        for field, value in body.items()
    )


def _preset_of(saved: Saved) -> str | None:
    """Another preset of today that a run's protocol is of; None if the one that it names fits."""
    if of_todays_preset(saved):
        return None
    about = saved["about"]
    others = [name for name in CHANGES if name != about["protocol_name"]]
    named_so = ({**saved, "about": {**about, "protocol_name": name}} for name in others)
    fitting = (one["about"]["protocol_name"] for one in named_so if of_todays_preset(one))
    return next(fitting, None)


def _requested(saved: Saved, settings: str | None = None) -> dict[str, dict[str, Any]]:
    """The protocol that the command asks for, as JSON values.

    Args:
        settings: Instead of the spec's.
    """
    return _preset(saved, settings or saved["spec"]["settings"], changes(saved["about"]["command"]))


def _preset(saved: Saved, settings: str, changed: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The preset that a record names, with its method's own settings and with changes."""
    name = saved["about"]["protocol_name"]
    own = variants.changes(saved["spec"]["method"], name, settings)
    return _derived(name, tuple((key, value) for key, (value, _) in own.items()), tuple(changed))


@cache
def _derived(
    name: str, own: tuple[tuple[str, Any], ...], changed: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    return derive(with_values(named(name), dict(own)), list(changed)).model_dump(mode="json")


def _as_stored(spec: Saved, requested: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The fields of a requested protocol that a spec has; what was resolved, as the spec has it."""
    chest = requested["chest"] if "chest" in spec["protocol"] else None
    if chest is not None:
        statistics = {"mean": chest["mean"], "std": chest["std"]}
        requested = requested | {"normalisation": statistics}
    return {
        group: body
        if group == "resolved"
        else {
            field: value if f"{group}.{field}" in RESOLVED else requested.get(group, {}).get(field)
            for field, value in body.items()
        }
        for group, body in spec["protocol"].items()
    }


def _changed_options(saved: Saved) -> str:
    """As `bench.pipeline.description.changed_options` has it."""
    spec = saved["spec"]
    default = flatten(_preset(saved, spec["settings"], ()))
    own = {name: spec["protocol"].get(name, {}) for name in _own_groups(spec)}
    changed = [f"{k}={v}" for k, v in flatten(own).items() if v != default[k]]
    return f"[{', '.join(changed)}]" if changed else ""


def _own_groups(spec: Saved) -> tuple[str, ...]:
    method = METHODS.get(spec["method"])
    return method.groups if method else ()


def _in_command(spec: Saved, about: Saved) -> Iterator[str]:
    """Where the stored command asks for another run than the spec is of."""
    flags = dict(options(about["command"]))
    stored = {
        "--method": spec["method"],
        "--dataset": spec["dataset"],
        "--lq-ratio": spec["lq_ratio"],
        "--seed": str(spec["seed"]),
        "--protocol": about["protocol_name"],
        "--settings": None if spec["settings"] == "common" else spec["settings"],
        "--study": spec["study"],
    }
    for flag, value in stored.items():
        if flags.get(flag) != value:
            yield f"about.command asks for {flag} {flags.get(flag)}, the record is of {value}"
    if ("--partial" in flags) < about["partial"]:
        yield "about.partial is true, and the command has no --partial"


def _in_assumptions(spec: Saved, about: Saved) -> Iterator[str]:
    """Where what is assumed about the data leaves out what the spec or the record says of them."""
    data = spec["protocol"].get("data", {})
    said = " ".join(about["assumptions"])
    if data.get("shuffle_labels") and "labels are shuffled" not in said:
        yield "about.assumptions leaves out that labels are shuffled"
    if about.get("limited") and "data.limit=" not in said:
        yield "about.assumptions leaves out that the images are limited"
