"""From what was asked to a Spec: names resolved, data read, every default filled in."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import chest_settings, originals, roster, store
from bench.data import datasets, ratio
from bench.data.cache import Tick, content_digests
from bench.data.idrid import LesionSet
from bench.data.records import Dataset
from bench.errors import RequestError
from bench.lesions import box_source
from bench.lesions.box_source import BoxSource
from bench.protocol import Protocol
from bench.protocols import derive, flatten, named
from bench.versions import DEGRADATION, ENGINE


@dataclass(frozen=True)
class Request:
    """What was asked for, as typed.

    Attributes:
        lq_ratio: "native", one of the paper's labels, or a number.
        protocol: paper, laptop or smoke; None for the data set's default.
        changes: "group.field=value" texts.
        study: Name of a sensitivity study that the run belongs to.
        data: Folder of the data set, where it is read from one.
        partial: Run on what is there of a published set.
    """

    method: str
    dataset: str
    lq_ratio: str = "native"
    seed: int = 0
    protocol: str | None = None
    settings: str = "common"
    changes: tuple[str, ...] = ()
    study: str | None = None
    data: Path | None = None
    results: Path = Path("results/runs")
    cache: Path | None = None
    device: str = "auto"
    partial: bool = False


@dataclass(frozen=True)
class Prepared:
    """A request resolved: everything that decides the run's numbers, and where it goes.

    Attributes:
        digests: Content of every image file.
        degraded: (N,) bool, which images the ratio degrades.
        box_source: Where lesion boxes come from.
        masked: Photographs with lesion masks, for methods that learn from them.
        weights: "random", "imagenet" or a file.
    """

    request: Request
    name: str
    method: roster.Method
    protocol: Protocol
    protocol_name: str
    dataset: Dataset
    digests: list[str]
    degraded: np.ndarray
    box_source: BoxSource
    masked: LesionSet | None
    weights: str
    spec: store.Spec
    cache: Path

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return store.folder_of(self.request.results, self.spec)

    @property
    def key(self) -> str:
        """The comparability key; of original settings, by what stands under each method's own."""
        spec = self.spec
        if self.request.settings == "original":
            common = derive(named(self.protocol_name), list(self.request.changes))
            common = _in_force(_weights(common)[1], self.dataset.modality)
            modality = self.dataset.modality
            protocol = _own_protocol(common, self.method, self.box_source, modality)
            spec = replace(spec, protocol=protocol)
        return spec.key((*self.method.groups, "detector"))

    @property
    def boxes(self) -> str:
        """The kind of `box_source`."""
        return self.box_source.kind


def prepare(request: Request, tick: Tick) -> Prepared:
    """Everything that is known before training.

    Raises:
        RequestError: for whatever cannot be served; the message names value, rule and way out.
    """
    name, method = roster.resolve(request.method)
    protocol_name = request.protocol or datasets.source(request.dataset).default_protocol
    protocol = _unchanged(name, protocol_name, request.settings)
    protocol = derive(protocol, list(request.changes))
    _refuse_foreign_options(name, method, request.changes)
    lq_ratio = ratio.parse(request.lq_ratio, request.dataset)
    cache = datasets.cache_folder(request.cache)
    place = datasets.Place(request.data, cache, protocol, request.partial, tick)
    dataset = datasets.read(request.dataset, place)
    _refuse_other_modality(dataset, request.changes)
    _refuse_unread(dataset, protocol)
    protocol = _in_force(protocol, dataset.modality)
    degraded = ratio.choose(
        dataset,
        lq_ratio,
        apply_to=protocol.degradation.apply_to,
        data_seed=protocol.data.data_seed,
    )
    boxes = box_source.choose(protocol, dataset, method.needs, cache)
    box_source.refuse_unread(boxes, request.changes)
    masked = box_source.masks(protocol, dataset, method.needs, cache)
    weights, protocol = _weights(protocol)
    digests = content_digests(dataset.records, cache, tick)
    spec = store.Spec(
        method=name,
        method_version=method.version,
        method_digest=method.digest,
        dataset=dataset.name,
        manifest=datasets.manifest(dataset, digests),
        lq_ratio=lq_ratio,
        seed=request.seed,
        protocol=_own_protocol(protocol, method, boxes, dataset.modality)
        | _resolved_masks(masked, method),
        settings=request.settings,
        versions={"engine": ENGINE, "degradation": DEGRADATION},
        study=request.study,
    )
    return Prepared(
        request=request,
        name=name,
        method=method,
        protocol=protocol,
        protocol_name=protocol_name,
        dataset=dataset,
        digests=digests,
        degraded=degraded,
        box_source=boxes,
        masked=masked,
        weights=weights,
        spec=spec,
        cache=cache,
    )


def command(prepared: Prepared) -> str:
    """The command line that asks for this run, without folders of this machine."""
    asked = prepared.request
    words = ["bench", "run", "--method", prepared.name, "--dataset", asked.dataset]
    words += ["--lq-ratio", prepared.spec.lq_ratio, "--seed", str(asked.seed)]
    words += ["--protocol", prepared.protocol_name]
    words += [word for change in asked.changes for word in ("--set", change)]
    words += ["--settings", asked.settings] if asked.settings != "common" else []
    words += ["--study", asked.study] if asked.study else []
    words += ["--partial"] if asked.partial else []
    return " ".join(words)


def about(prepared: Prepared, notes: tuple[str, ...]) -> dict[str, Any]:
    """What pages say of a run, beside its identity."""
    dataset = prepared.dataset
    return {
        "protocol_name": prepared.protocol_name,
        "title": prepared.method.title,
        "real": dataset.real,
        "partial": dataset.partial,
        "boxes": prepared.boxes,
        "assumptions": [*dataset.assumptions, *notes],
        "shares": ratio.shares(dataset, prepared.degraded),
        "changed_options": changed_options(prepared),
        "classes": list(dataset.task.classes),
        "kind": dataset.task.kind,
        "command": command(prepared),
    }


def changed_options(prepared: Prepared) -> str:
    """The method's own options that were changed by hand, as "[comcl.spl=off]" or ""."""
    method, asked = prepared.method, prepared.request
    usual = _unchanged(prepared.name, prepared.protocol_name, asked.settings)
    own = {name: prepared.protocol.model_dump(mode="json")[name] for name in method.groups}
    default = {name: usual.model_dump(mode="json")[name] for name in method.groups}
    changed = [
        f"{key}={value}" for key, value in flatten(own).items() if value != flatten(default)[key]
    ]
    return f"[{', '.join(changed)}]" if changed else ""


def _own_protocol(
    protocol: Protocol, method: roster.Method, boxes: BoxSource, modality: str
) -> dict[str, Any]:
    """The protocol as JSON values, without the groups that other methods or images alone have."""
    dumped = protocol.model_dump(mode="json")
    foreign = {group for entry in roster.METHODS.values() for group in entry.groups}
    foreign |= {"detector", "chest"}
    kept = {g: body for g, body in dumped.items() if g in method.groups or g not in foreign}
    own = chest_settings.identity(protocol.chest, kept) if modality == "chest" else {}
    return kept | own | boxes.identity(protocol)


def _refuse_foreign_options(name: str, method: roster.Method, changes: tuple[str, ...]) -> None:
    own = {group for entry in roster.METHODS.values() for group in entry.groups}
    for change in changes:
        group = change.partition(".")[0]
        if group in own and group not in method.groups:
            raise RequestError(f"--set {change}: {name} does not read the settings of {group!r}")


def _in_force(protocol: Protocol, modality: str) -> Protocol:
    """The protocol as images of a modality are treated: radiographs have their own statistics."""
    if modality != "chest":
        return protocol
    shown = {"mean": protocol.chest.mean, "std": protocol.chest.std}
    return replace_group(protocol, "normalisation", shown)


def _refuse_other_modality(dataset: Dataset, changes: tuple[str, ...]) -> None:
    """Refuse settings that images of the data set's kind never read."""
    chest = dataset.modality == "chest"
    unread = chest_settings.FUNDUS_ONLY if chest else ("chest.",)
    way_out = "see chest.degradation, chest.mean and chest.std" if chest else "leave it out"
    for change in changes:
        if change.startswith(unread):
            raise RequestError(
                f"--set {change}: {dataset.name} has {dataset.modality} images, which do not read "
                f"it; {way_out}"
            )


def _refuse_unread(dataset: Dataset, protocol: Protocol) -> None:
    """Refuse settings of radiographs that others keep from being read."""
    wrong = chest_settings.unread(protocol.chest, protocol.patches.boxes)
    if dataset.modality == "chest" and wrong:
        raise RequestError(wrong)


def _unchanged(method: str, protocol_name: str, settings: str) -> Protocol:
    """The protocol as named, with the method's own settings if asked for."""
    if settings not in ("common", "original"):
        raise RequestError(f"--settings {settings}: must be common or original")
    protocol = named(protocol_name)
    return originals.apply(protocol, method, protocol_name) if settings == "original" else protocol


def _resolved_masks(masked: LesionSet | None, method: roster.Method) -> dict[str, Any]:
    """What a run's identity gains where lesion masks are learnt from, or would be."""
    if "lesion masks" not in method.needs:
        return {}
    return {"resolved": {"masks": masked.digest if masked else "none"}}


def _weights(protocol: Protocol) -> tuple[str, Protocol]:
    """What the backbone starts from, and the protocol with a file named by its content."""
    weights = protocol.init.weights
    if weights in ("random", "imagenet"):
        return weights, protocol
    path = Path(weights)
    if not path.is_file():
        raise RequestError(
            f"--set init.weights={weights}: no such file; it is imagenet, random or a file of "
            "the backbone's weights"
        )
    content = f"sha256:{store.file_digest(path)}"
    return weights, replace_group(protocol, "init", {"weights": content})


def replace_group(protocol: Protocol, group: str, fields: dict[str, Any]) -> Protocol:
    """The protocol with some fields of one group replaced."""
    changed = getattr(protocol, group).model_copy(update=fields)
    return protocol.model_copy(update={group: changed})
