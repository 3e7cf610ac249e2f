"""From a request to everything that is known before training: names and paths become objects."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import roster, store
from bench.data import datasets
from bench.data import lq_ratio as ratios
from bench.data.cache import ProgressCallback, content_digests
from bench.data.records import Dataset
from bench.lesions import box_source
from bench.lesions.box_source import BoxSource
from bench.lesions.idrid import LesionSet
from bench.pipeline import refusals
from bench.pipeline.identity import comparability_key, hashed_weights, in_force, spec_of
from bench.protocol import variants
from bench.protocol.presets import derive
from bench.protocol.settings import Protocol


@dataclass(frozen=True)
class Request:
    """What was requested, as typed.

    Attributes:
        lq_ratio: "native", one of the paper's labels, or a number.
        protocol: Name of a preset; None for the data set's default.
        changes: "group.field=value" texts.
        study: Name of a sensitivity study that the run belongs to.
        data: Folder of the data set, where it is read from one.
        partial: Accept a published set of which files are missing.
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

    @property
    def protocol_name(self) -> str:
        """The preset in force."""
        return self.protocol or datasets.source(self.dataset).default_protocol


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
        """The comparability key."""
        return comparability_key(
            self.spec,
            self.method,
            self.box_source,
            protocol_name=self.protocol_name,
            changes=self.request.changes,
            modality=self.dataset.modality,
        )

    @property
    def boxes(self) -> str:
        """The kind of `box_source`."""
        return self.box_source.kind


def prepare(request: Request, tick: ProgressCallback) -> Prepared:
    """Everything that is known before training.

    Raises:
        RequestError: for whatever cannot be served; the message names value, rule and way out.
    """
    name, method = roster.resolve(request.method)
    protocol = variants.apply(name, request.protocol_name, request.settings)
    protocol = derive(protocol, list(request.changes))
    refusals.refuse_foreign_options(name, method, request.changes)
    lq_ratio = ratios.parse(request.lq_ratio, request.dataset)
    cache = datasets.cache_folder(request.cache)
    location = datasets.Location(request.data, cache, protocol, request.partial, tick, request.seed)
    dataset = datasets.read(request.dataset, location)
    refusals.refuse_other_modality(dataset, request.changes)
    refusals.refuse_without_effect(dataset, protocol)
    refusals.refuse_regression(name, method, dataset, protocol, request.changes)
    refusals.refuse_own_size(method, protocol)
    protocol = in_force(protocol, dataset.modality)
    degraded = ratios.choose(
        dataset,
        lq_ratio,
        apply_to=protocol.degradation.apply_to,
        data_seed=protocol.data.choice_seed(request.seed),
    )
    boxes = box_source.choose(protocol, dataset, method.needs, cache)
    box_source.refuse_unread(boxes, request.changes)
    box_source.refuse_unread_windows(boxes, protocol)
    box_source.refuse_undetected(boxes, protocol, request.changes)
    masked = box_source.masks(protocol, dataset, method.needs, cache)
    weights, protocol = protocol.init.weights, hashed_weights(protocol)
    digests = content_digests(dataset.records, cache, tick)
    spec = spec_of(
        name,
        method,
        dataset,
        digests,
        protocol,
        boxes,
        masked,
        lq_ratio=lq_ratio,
        seed=request.seed,
        settings=request.settings,
        study=request.study,
    )
    return Prepared(
        request=request,
        name=name,
        method=method,
        protocol=protocol,
        protocol_name=request.protocol_name,
        dataset=dataset,
        digests=digests,
        degraded=degraded,
        box_source=boxes,
        masked=masked,
        weights=weights,
        spec=spec,
        cache=cache,
    )
