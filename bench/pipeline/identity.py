"""What a run is named by: everything that can change its numbers, as a spec, and as a key."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import roster, store
from bench.data.manifest import manifest
from bench.data.records import Dataset
from bench.errors import RequestError
from bench.lesions.box_source import BoxSource
from bench.lesions.idrid import LesionSet
from bench.protocol import chest as chest_settings
from bench.protocol import variants
from bench.protocol.presets import derive, is_hashed, named
from bench.protocol.settings import WEIGHTS, Protocol
from bench.versions import DEGRADATION, ENGINE


def spec_of(
    name: str,
    method: roster.Method,
    dataset: Dataset,
    digests: list[str],
    protocol: Protocol,
    boxes: BoxSource,
    masks: LesionSet | None,
    *,
    lq_ratio: str,
    seed: int,
    settings: str,
    study: str | None,
) -> store.Spec:
    """The spec of a run, every default filled in; its hash is the run's id.

    Args:
        name: Of the method in the roster.
        digests: Content of every image file.
        protocol: As its images are treated; see `in_force` and `hashed_weights`.
        masks: Photographs with lesion masks, for methods that learn from them.
    """
    return store.Spec(
        method=name,
        method_version=method.version,
        method_digest=method.digest,
        dataset=dataset.name,
        manifest=manifest(dataset, digests, protocol.data),
        lq_ratio=lq_ratio,
        seed=seed,
        protocol=hashed_protocol(protocol, method, boxes, dataset.modality)
        | _resolved_masks(masks, method),
        settings=settings,
        versions={"engine": ENGINE, "degradation": DEGRADATION},
        study=study,
    )


def comparability_key(
    spec: store.Spec,
    method: roster.Method,
    boxes: BoxSource,
    *,
    protocol_name: str,
    changes: tuple[str, ...],
    modality: str,
) -> str:
    """What two runs must share to stand in one table.

    Under original settings each method has fine-tuning of its own: those runs are compared by the
    preset that stands underneath. So are runs with tuned values; see `variants.untuned`.
    """
    if spec.settings == "original":
        common = derive(named(protocol_name), list(changes))
        common = in_force(hashed_weights(common), modality)
        spec = replace(spec, protocol=hashed_protocol(common, method, boxes, modality))
    tuned = variants.untuned(spec.method, protocol_name, spec.settings, changes)
    return spec.key((*method.groups, "detector"), tuned)


def hashed_protocol(
    protocol: Protocol, method: roster.Method, boxes: BoxSource, modality: str
) -> dict[str, Any]:
    """The protocol as JSON values, without the groups that only other methods or images read.

    How a folder is read is left out: the group `chest` and the manifest say what came of it. So is
    a setting that was added later, as long as it has its default.
    """
    dumped = {
        group: {k: v for k, v in body.items() if is_hashed(f"{group}.{k}", v)}
        for group, body in protocol.model_dump(mode="json").items()
    }
    foreign = {group for entry in roster.METHODS.values() for group in entry.groups}
    foreign |= {"detector", "chest"}
    read = {g: body for g, body in dumped.items() if g in method.groups or g not in foreign}
    kept = {group: body for group, body in read.items() if body}
    chest = chest_settings.identity(protocol.chest, kept) if modality == "chest" else {}
    return kept | chest | boxes.identity(protocol)


def in_force(protocol: Protocol, modality: str) -> Protocol:
    """The protocol as images of a modality are treated: radiographs have their own statistics."""
    if modality != "chest":
        return protocol
    statistics = {"mean": protocol.chest.mean, "std": protocol.chest.std}
    return replace_group(protocol, "normalisation", statistics)


def hashed_weights(protocol: Protocol) -> Protocol:
    """The protocol with a file of first weights named by its content.

    Raises:
        RequestError: there is no such file.
    """
    weights = protocol.init.weights
    if weights in WEIGHTS:
        return protocol
    path = Path(weights)
    if not path.is_file():
        raise RequestError(
            f"--set init.weights={weights}: no such file; it is "
            f"{', '.join(WEIGHTS)} or a file of the backbone's weights"
        )
    content = f"sha256:{store.file_digest(path)}"
    return replace_group(protocol, "init", {"weights": content})


def replace_group(protocol: Protocol, group: str, fields: dict[str, Any]) -> Protocol:
    """The protocol with some fields of one group replaced."""
    changed = getattr(protocol, group).model_copy(update=fields)
    return protocol.model_copy(update={group: changed})


def _resolved_masks(masks: LesionSet | None, method: roster.Method) -> dict[str, Any]:
    """What a run's identity gains where lesion masks are learnt from, or would be."""
    if "lesion masks" not in method.needs:
        return {}
    return {"resolved": {"masks": masks.digest if masks else "none"}}
