"""What pages say of a run beside its identity: its command, its assumptions, what was changed."""

from typing import Any

from bench import titles
from bench.data import lq_ratio
from bench.pipeline.resolve import Prepared
from bench.protocol import variants
from bench.protocol.presets import flatten


def command(prepared: Prepared) -> str:
    """The command line that requests this run, without folders of this machine."""
    request = prepared.request
    words = ["bench", "run", "--method", prepared.name, "--dataset", request.dataset]
    words += ["--lq-ratio", prepared.spec.lq_ratio, "--seed", str(request.seed)]
    words += ["--protocol", prepared.protocol_name]
    words += [word for change in request.changes for word in ("--set", change)]
    words += ["--settings", request.settings] if request.settings != "common" else []
    words += ["--study", request.study] if request.study else []
    words += ["--partial"] if request.partial else []
    return " ".join(words)


def about(prepared: Prepared, notes: tuple[str, ...]) -> dict[str, Any]:
    """What pages say of a run, beside its identity.

    Args:
        notes: Of `bench.pipeline.build.notes`.
    """
    dataset, request = prepared.dataset, prepared.request
    tuned = variants.untuned(
        prepared.name, prepared.protocol_name, request.settings, request.changes
    )
    return {
        **({} if tuned is None else {"tuned": tuned}),
        "protocol_name": prepared.protocol_name,
        "title": titles.of_protocol(prepared.method.title, prepared.spec.protocol),
        "real": dataset.real,
        "partial": dataset.partial,
        "limited": dataset.limited,
        "boxes": prepared.boxes,
        "assumptions": [*dataset.assumptions, *notes],
        "shares": lq_ratio.low_quality_proportions(dataset, prepared.degraded),
        "changed_options": changed_options(prepared),
        "classes": list(dataset.task.classes),
        "kind": dataset.task.kind,
        "command": command(prepared),
    }


def changed_options(prepared: Prepared) -> str:
    """The method's own options that were changed by hand, as "[comcl.spl=off]" or ""."""
    method, request = prepared.method, prepared.request
    usual = variants.apply(prepared.name, prepared.protocol_name, request.settings)
    options = {name: prepared.protocol.model_dump(mode="json")[name] for name in method.groups}
    default = {name: usual.model_dump(mode="json")[name] for name in method.groups}
    changed = [
        f"{key}={value}"
        for key, value in sorted(flatten(options).items())  # as the stored spec has them
        if value != flatten(default)[key]
    ]
    return f"[{', '.join(changed)}]" if changed else ""
