"""Trials as they are stored, and the choice among them: by the validation split alone."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import store
from bench.errors import NotComparable
from bench.evaluation import gates, registry, stored_runs
from bench.evaluation.stored_runs import StoredRun
from bench.protocol import tuning
from bench.protocol.presets import flatten, named
from bench.roster import METHODS
from bench.schemas import read_events, read_json

DIVERGED = "NonFiniteLoss"
"""The error of a run whose loss became infinite, as `failure.json` names it."""
LEFT_OUT_OF_KEY = tuple({group for method in METHODS.values() for group in method.groups})


@dataclass(frozen=True)
class Trial:
    """One value of one method's setting.

    Attributes:
        id: Of the run.
        key: Of all trials that may be compared with it.
        value: Of the setting.
        score: The primary metric on the validation split, of the selected epoch; nan if it
            diverged.
        why_not: What it lacks to count as trained, or how it ended; "" if it is trained.
        best_epoch: The selected one of the last stage, from 1; 0 if it diverged.
        epochs: Of the last stage.
        seconds: Of training.
    """

    id: str
    key: str
    method: str
    setting: str
    value: float
    metric: str
    score: float
    why_not: str
    best_epoch: int
    epochs: int
    seconds: float


@dataclass(frozen=True)
class MethodTrials:
    """All trials of a method.

    Attributes:
        preset: The preset's value.
        wanted: The values to try, ascending.
        trials: Those that are done, ascending by value.
    """

    method: str
    setting: str
    preset: float
    wanted: tuple[float, ...]
    trials: tuple[Trial, ...]

    @property
    def complete(self) -> bool:
        """Whether every value was tried."""
        return tuple(trial.value for trial in self.trials) == self.wanted

    @property
    def chosen(self) -> Trial | None:
        """The best validation score, of equal ones that nearest the preset's value, then the lower.

        None while a value is missing, and where every trial diverged.
        """
        scored = [trial for trial in self.trials if not math.isnan(trial.score)]
        if not self.complete or not scored:
            return None
        return max(scored, key=lambda t: (t.score, -abs(math.log(t.value / self.preset)), -t.value))

    @property
    def at_edge(self) -> bool:
        """Whether the choice is the grid's first or last value, so that a better may lie beyond."""
        return self.chosen is not None and self.chosen.value in (self.wanted[0], self.wanted[-1])

    @property
    def gain(self) -> float:
        """How much better than the preset's value; nan where that cannot be told."""
        at_preset = [t.score for t in self.trials if math.isclose(t.value, self.preset)]
        if self.chosen is None or not at_preset:
            return math.nan
        return self.chosen.score - at_preset[0]


def diverged(folder: Path) -> bool:
    """Whether a run ended since its loss became infinite; the same seed gives the same end."""
    path = folder / "failure.json"
    done = stored_runs.is_result(folder) or not path.is_file()
    return not done and read_json(path)["why"].startswith(DIVERGED)


def collect(root: Path, dataset: str, protocol_name: str) -> tuple[MethodTrials, ...]:
    """The trials below a folder by method, in the roster's order; () without any.

    Values that are not on today's grid are left out.

    Raises:
        NotComparable: if they differ in more than method and value.
    """
    found = [trial for folder in stored_runs.folders(root) for trial in _of(folder, dataset)]
    trials = [trial for name, trial in found if name == protocol_name]
    preset = flatten(named(protocol_name).model_dump())
    on_grid = [t for t in trials if t.value in tuning.values(preset[t.setting])]
    _refuse_unlike(on_grid)
    order = {method: position for position, method in enumerate(METHODS)}
    methods = sorted({t.method for t in on_grid}, key=lambda m: (order.get(m, len(order)), m))
    return tuple(_of_method([t for t in on_grid if t.method == name], preset) for name in methods)


def _of_method(trials: Sequence[Trial], preset: dict[str, Any]) -> MethodTrials:
    (setting,) = {trial.setting for trial in trials}
    values = tuning.values(preset[setting])
    ordered = tuple(sorted(trials, key=lambda trial: trial.value))
    return MethodTrials(trials[0].method, setting, preset[setting], values, ordered)


def _of(folder: Path, dataset: str) -> Iterator[tuple[str, Trial]]:
    """The trial in a folder with its preset's name, if it is one and over."""
    run = stored_runs.read(folder)
    if isinstance(run, StoredRun):
        saved, outcome = run.saved, _scored
    elif run is None and diverged(folder):
        saved, outcome = read_json(folder / "spec.json"), _unscored
    else:
        return
    spec, about = saved["spec"], saved["about"]
    if spec["study"] != tuning.STUDY or spec["dataset"] != dataset:
        return
    setting = _setting_of(spec["method"])
    group, _, field = setting.partition(".")
    events = read_events(folder / store.EVENTS)
    epochs = [event for event in events if "epoch" in event]
    trial = Trial(
        id=saved["id"],
        key=_key(saved, setting),
        method=spec["method"],
        setting=setting,
        value=spec["protocol"][group][field],
        metric=registry.primary(about["kind"]).name,
        seconds=sum(event["seconds"] for event in epochs),
        **outcome(folder, about["kind"], epochs),
    )
    yield about["protocol_name"], trial


def _setting_of(name: str) -> str:
    """What is tuned of a method; a user's own has the recipe of a plain classifier."""
    method = METHODS.get(name)
    return tuning.RATE if method is None else tuning.DECLARED[method.recipe][0]


def _scored(folder: Path, kind: str, epochs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How a finished trial ended, by its validation split."""
    validation = read_json(folder / "metrics.json")["validation"]
    score = validation.get(registry.primary(kind).name)
    gate = gates.recorded(kind, validation)
    best, count = _last_stage(epochs)
    return {
        "score": math.nan if score is None else score,
        "why_not": "" if gate is None else gate.why_not,
        "best_epoch": best,
        "epochs": count,
    }


def _unscored(folder: Path, kind: str, epochs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How a trial ended whose loss became infinite."""
    why = read_json(folder / "failure.json")["why"]
    return {"score": math.nan, "why_not": why, "best_epoch": 0, "epochs": 0}


def _last_stage(epochs: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """The first epoch with the best validation score, from 1, and how many there are."""
    last = [event for event in epochs if event["stage"] == epochs[-1]["stage"]]
    scores = [(event.get("validation") or {}).get("score") for event in last]
    known = [-math.inf if score is None else score for score in scores]
    return known.index(max(known)) + 1, len(last)


def _key(saved: dict[str, Any], setting: str) -> str:
    """What all trials have in common, whatever the method and the value."""
    names = store.Spec.__dataclass_fields__
    spec = store.Spec(**{name: saved["spec"][name] for name in names})
    return spec.key((*LEFT_OUT_OF_KEY, "detector"), {setting: None})


def _refuse_unlike(trials: Sequence[Trial]) -> None:
    keys = {trial.key for trial in trials}
    if len(keys) > 1:
        counts = ", ".join(f"{sum(t.key == key for t in trials)} of {key}" for key in sorted(keys))
        raise NotComparable(
            f"the trials were made under {len(keys)} protocols ({counts}), which differ in more "
            "than the method and its tuned value; keep each in a folder of its own and name it "
            "with --results DIR"
        )
