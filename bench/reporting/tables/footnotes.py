"""Footnotes of a table: how to read it, its signs, and lettered notes in order of first use."""

import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from bench.evaluation import registry
from bench.evaluation.gates import LEAST
from bench.evaluation.metric import Metric
from bench.experiments import ExperimentRow
from bench.reporting.results.comparability import ComparableRuns, limited, settings_of
from bench.reporting.results.runs import folds_of
from bench.reporting.results.significance import ALPHA, Significance
from bench.reporting.results.verdicts import DELTA
from bench.reporting.run_summary import SETTINGS
from bench.roster import METHODS

BOXES = {
    "oracle": "lesion boxes: oracle, those of the synthetic lesions; nothing that a "
    "detector would miss is missed",
    "given": "lesion boxes: given with the data set",
    "detector": "lesion boxes: of a detector trained on other photographs",
    "file": "lesion boxes: of a published file",
    "random_lesion_crops": "lesion boxes: none; random crops of lesion images stand in for them, "
    "of photographs inside the field of view, of radiographs where chest.crop_region says",
}
CELLS = (
    "mean over n seeds ± half of its 95 % interval, in which another choice of seeds and another "
    "sample of patients both vary"
)
THRESHOLDS = (
    "a finding is answered with yes from probability 0.5 on; tuned, from the one that gives it the "
    "highest kappa on the run's own validation rows (0.5 where these cannot tell); intervals take "
    "tuned thresholds as given: that other seeds tune others is in them, that other validation "
    "patients would is not"
)
GATE = (
    "not trained: on its validation images a run's main score is below "
    f"{LEAST['grading']:.2f} (kappa) or {LEAST['findings']:.2f} (AUROC), or its 95 % interval over "
    "patients reaches down to chance; a cell with such a run bears no sign, has no rank and "
    "decides no claim"
)
REPEATS = "n counts repeats: every image is tested once in each, in one of {folds} folds"
ONE_SEED = "n=1: no interval, since one seed does not say how much seeds vary"
SIGNS: dict[Significance, tuple[str, str]] = {
    "best": ("*", "the highest mean of its column and score"),
    "not worse": (
        "=",
        f"not shown to be worse than the highest: p of at least {ALPHA} for the difference over "
        "the seeds that both have, after Holm's correction over the column",
    ),
    "untested": ("?", "not compared with the highest: fewer than three seeds that both have"),
}
LEFT_OUT = "the others have no score: all test images have them, or none"
READINGS = (
    "published: the paper's number under this table's own header / under that of its Table "
    "{other}, which names the same two numbers the other way round (ambiguity D35)"
)
VERDICTS = (
    f"verdict: on the two readings in that order, delta {DELTA}. EQUIVALENT: the 90 % interval of "
    "ours minus theirs lies within plus or minus delta; DIFFERENT: the 95 % interval lies wholly "
    "outside, and one further run of ours would not score theirs (95 %); CLOSE: the 95 % interval "
    "leaves 0 out but reaches into delta; else INCONCLUSIVE, with the difference that "
    "these seeds find with power 0.8; NOT TRAINED: no run of ours has learnt"
)
UNDEFINED_CHEST = (
    "the paper does not say how it scores several findings at once, so a verdict here also depends "
    "on what its scores mean"
)
NO_TABLE_3 = (
    "published: the numbers of this table cannot be read in the paper (D37); these are ours"
)


class Footnotes:
    """Collects the notes of one section."""

    def __init__(self) -> None:
        self._lettered: list[str] = []
        self._general: list[str] = []
        self._signs: set[str] = set()

    def add(self, text: str) -> str:
        """The letter of a note, the same for the same text."""
        if text not in self._lettered:
            self._lettered.append(text)
        return _letter(self._lettered.index(text))

    def say(self, text: str) -> None:
        """A note on the whole section, once."""
        if text not in self._general:
            self._general.append(text)

    def sign(self, significance: Significance | None) -> tuple[str, ...]:
        """The sign of how a cell stands; the worse bear none."""
        if significance not in SIGNS:
            return ()
        self._signs.add(significance)
        return (SIGNS[significance][0],)

    def of_method(self, row: ExperimentRow, boxes: Iterable[str]) -> tuple[str, ...]:
        """Letters of what holds for a row: its note, what is guessed, where boxes are from."""
        known = METHODS[row.method].known if row.method in METHODS else ""
        texts = [text for text in (row.note, known) if text]
        texts += [BOXES.get(b, f"lesion boxes: {b}") for b in sorted(set(boxes)) if b != "none"]
        return tuple(self.add(text) for text in texts)

    def of_gates(self, missed: Iterable[Sequence[tuple[str, str]]]) -> tuple[str, ...]:
        """Letters of what stages of a row's runs were to reach and did not.

        Args:
            missed: Of each run, pairs whose first is what was to be reached.
        """
        by_run = [[demand for demand, _ in pairs] for pairs in missed]
        counts = Counter(demand for demands in by_run for demand in demands)
        return tuple(
            self.add(f"not reached in {count} of {len(by_run)} runs: {demand}")
            for demand, count in counts.items()
        )

    def of_cell(
        self,
        *,
        stale: bool,
        left_out: int,
        missing: Sequence[int],
        why: str,
        trained: tuple[int, int],
        unpretrained: int = 0,
    ) -> tuple[str, ...]:
        """Letters of what holds for one cell.

        Args:
            stale: Whether the runs shown are of older code.
            left_out: How many stale runs give way to newer ones.
            missing: Seeds that other cells have and this one lacks.
            why: Why several seeds have no interval, or "".
            trained: How many of the runs have learnt, and of how many.
            unpretrained: In how many pretraining taught the encoder nothing.
        """
        texts = []
        if trained[0] < trained[1]:
            self.say(GATE)
            texts.append(f"{trained[0]} of {trained[1]} runs trained: ranked nowhere")
        if unpretrained:
            runs = "run" if unpretrained == 1 else "runs"
            texts.append(
                f"pretraining did not train in {unpretrained} {runs}: a linear probe of the "
                "encoder is not shown to be better than one of the encoder it started from"
            )
        if stale:
            texts.append("stale: made by an older version of the code; run it again")
        if left_out:
            texts.append("stale runs of this cell are left out")
        if missing:
            named = ", ".join(map(str, missing))
            texts.append(
                f"seed{'s' if len(missing) > 1 else ''} {named} of other cells not run here"
            )
        if why:
            texts.append(f"no interval: {why}")
        return tuple(self.add(text) for text in texts)

    def of_repeats(self, incomplete: Mapping[int, Sequence[int]]) -> tuple[str, ...]:
        """Letters of what is not scored, since a repeat lacks folds."""
        texts = [
            f"repeat {repeat} lacks fold{'s' if len(gone) > 1 else ''} "
            f"{', '.join(map(str, gone))}: not scored"
            for repeat, gone in sorted(incomplete.items())
        ]
        return tuple(self.add(text) for text in texts)

    def about_data(self, group: ComparableRuns) -> None:
        """What was left out, taken in part, or assumed about the data."""
        if folds := folds_of(group.records.iloc[0]):
            self.say(REPEATS.format(folds=folds))
        if group.outdated:
            self.say(f"{group.outdated} runs of older versions or presets are left out")
        for text in sorted(
            {text for run in group.records.to_dict("records") for text in _part(run)}
        ):
            self.say(text)
        self._about_settings(group.records)
        for text in sorted({text for texts in group.records["assumptions"] for text in texts}):
            self.say(f"assumed: {text}")

    def _about_settings(self, records: pd.DataFrame) -> None:
        """What is tuned, or that nothing is."""
        runs = records.to_dict("records")
        if runs[0].get("settings") == "default":
            self.say(f"--settings default: {SETTINGS['default']}")
        by_value: dict[str, dict[str, None]] = {}
        for run in runs:
            for setting in run.get("tuned") or {}:
                value = f"{setting} {settings_of(run['protocol'])[setting]:g}"
                by_value.setdefault(value, {})[run["method"]] = None
        if by_value:
            parts = [f"{value} of {', '.join(names)}" for value, names in sorted(by_value.items())]
            self.say(f"tuned for each method on validation images: {'; '.join(parts)}")

    def means(self, records: pd.DataFrame, metrics: Iterable[Metric]) -> None:
        """Which means leave a class out, since its score is undefined."""
        means, runs = [m for m in metrics if m.of_class], records.to_dict("records")
        for metric in means:
            for run in runs:
                over = registry.mean_over(metric, run, run.get("classes", ()))
                if over:
                    self.say(f"{metric.title}: {over} in some runs; {LEFT_OUT}")

    def lines(self) -> tuple[tuple[str, str], ...]:
        """(mark, text): first the general ones under "", then signs, then letters in order."""
        signs = [SIGNS[significance] for significance in SIGNS if significance in self._signs]
        lettered = [(_letter(index), text) for index, text in enumerate(self._lettered)]
        return (*(("", text) for text in self._general), *signs, *lettered)


def balance(records: pd.DataFrame) -> str:
    """That cells have unequal numbers of seeds, or "" where they have not."""
    seeds = records.groupby(["method", "lq_ratio"])["seed"].nunique()
    if len(set(seeds)) < 2:
        return ""
    return f"not balanced: {min(seeds)} to {max(seeds)} seeds per cell; compare with care"


def _part(run: dict) -> list[str]:
    """Why a run did not see the whole of its set."""
    settings, texts = settings_of(run["protocol"]), []
    if run["partial"]:
        texts.append("partial: not all images of the published set were there")
    cut = limited(run)
    if cut:
        texts.append(f"partial: {settings['data.limit']} images drawn from the set (data.limit)")
    elif cut is None:
        texts.append(
            f"partial, perhaps: data.limit was {settings['data.limit']}, and this older record "
            "does not say whether the set has more images; run it again to know"
        )
    if settings.get("data.shuffle_labels"):
        texts.append("labels shuffled: a control that nothing can be learned from")
    return texts


def _letter(index: int) -> str:
    """The letters a to z, then aa, ab and so on."""
    letters = string.ascii_lowercase
    return letters[index] if index < 26 else letters[index // 26 - 1] + letters[index % 26]
