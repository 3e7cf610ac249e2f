"""The paper's claims as files written before the runs that judge them: `results/claims/*.toml`.

A file says what is estimated, of which methods, in which columns, and what counts as true, so that
nothing is left to choose once the results are in. See `Claim` for the fields.
"""

import datetime
import itertools
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.errors import SHIPPED_FILES, RequestError
from bench.evaluation import registry
from bench.experiments import EXPERIMENTS, RATIOS
from bench.roster import ALIASES, METHODS

FOLDER = Path(__file__).parents[1] / "data" / "claims"
COLUMNS_OF = {"score": 1, "drop": 2, "relative drop": 2}
METHODS_OF = {"method": 1, "first - second": 2}
NonEmptyText = Annotated[str, Field(min_length=1)]
NonEmptyNames = Annotated[tuple[NonEmptyText, ...], Field(min_length=1, strict=False)]


class Comparison(NamedTuple):
    """One comparison of a claim: one or two methods in one column or between two.

    Attributes:
        methods: (method,) or (first, second).
        ratios: (ratio,), or (from, to) of a drop.
    """

    methods: tuple[str, ...]
    ratios: tuple[str, ...]


class Claim(BaseModel):
    """One claim of the paper, and the rule by which records decide it.

    Attributes:
        id: The file's name without its ending.
        section: Where the paper makes the claim.
        quote: The paper's sentence that it stands for; "" of a question of ours, which no page
            counts among the paper's claims.
        text: The claim in the paper's sense, in our words.
        estimand: Of one method: its "score" in a column, its "drop" from one column to another
            (score before minus score after), or its "relative drop" (drop over score before).
        contrast: Whether the estimand of each "method" is judged, or "first - second" of a pair.
        side: On which side of zero the claim puts it.
        margin: What is too small to matter, in units of the estimand.
        alpha: Level of the two-sided tests; the claimed side must win, so half of it errs there.
        family: Claims of one kind, side by side on a page.
        combination: "all" is one claim that also holds if every comparison does by itself
            (intersection-union: no correction is needed for all together); in "each" it takes
            every comparison after Holm's correction over the claim.
        seeds: How many seeds each comparison needs before it is judged.
        written: When the file was written.
        seen: Which results were known by then.
        columns: (ratio,) of a score, (from, to) of a drop.
        methods: (method,) or (first, second) by roster name.
        scores: Data set -> its scores. The first decides the claim, others stand beside it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: NonEmptyText
    section: NonEmptyText
    quote: str = ""
    text: NonEmptyText
    estimand: Literal["score", "drop", "relative drop"]
    contrast: Literal["method", "first - second"]
    side: Literal["greater", "less"]
    margin: Annotated[float, Field(gt=0, lt=1)]
    alpha: Annotated[float, Field(gt=0, lt=0.5)]
    family: NonEmptyText
    combination: Literal["each", "all"]
    seeds: Annotated[int, Field(ge=2)]
    written: datetime.date
    seen: NonEmptyText
    columns: Annotated[tuple[NonEmptyNames, ...], Field(min_length=1, strict=False)]
    methods: Annotated[tuple[NonEmptyNames, ...], Field(min_length=1, strict=False)]
    scores: Annotated[dict[NonEmptyText, NonEmptyNames], Field(min_length=1, strict=False)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check(all(len(c) == COLUMNS_OF[self.estimand] for c in self.columns), "columns", self)
        _check(all(len(m) == METHODS_OF[self.contrast] for m in self.methods), "methods", self)
        for entries in (*self.columns, *self.methods, self.columns, self.methods):
            if len(set(entries)) < len(entries):
                raise ValueError(f"{list(entries)} names something twice")
        _known("column", itertools.chain(*self.columns), RATIOS)
        if any(list(c) != sorted(c, key=RATIOS.index) for c in self.columns):
            raise ValueError(
                f"columns: a drop goes from the smaller proportion on: {', '.join(RATIOS)}"
            )
        _known("method", itertools.chain(*self.methods), known_methods())
        _known("score", itertools.chain(*self.scores.values()), registry.claimable())
        _known("data set", self.scores, {d for e in EXPERIMENTS.values() for d, _ in e.columns})
        return self

    @property
    def ours(self) -> bool:
        """Whether it is a question that the paper does not answer."""
        return not self.quote

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """All comparisons, column by column."""
        pairs = itertools.product(self.columns, self.methods)
        return tuple(Comparison(methods, ratios) for ratios, methods in pairs)


def known_methods() -> set[str]:
    """Names of the roster, their aliases, and the rows of the paper's tables."""
    rows = {row.method for experiment in EXPERIMENTS.values() for row in experiment.rows}
    return {*METHODS, *ALIASES, *rows}


def load_claims(folder: Path = FOLDER) -> tuple[Claim, ...]:
    """All claims of a folder, by family, then by id.

    Raises:
        RequestError: if there is none, a file is not a claim, or its id is not its name.
    """
    claims = [load_claim(path) for path in sorted(folder.glob("*.toml"))]
    if not claims:
        raise RequestError(f"{folder} has no claim files; {SHIPPED_FILES}")
    return tuple(sorted(claims, key=lambda claim: (claim.family, claim.id)))


def load_claim(path: Path) -> Claim:
    """The claim of one file.

    Raises:
        RequestError: naming file, field and rule.
    """
    try:
        claim = Claim.model_validate(tomllib.loads(path.read_text()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"{path.name} is not TOML: {error}") from error
    except ValidationError as error:
        raise RequestError(f"{path.name}: {'; '.join(_problems(error))}") from error
    if claim.id != path.stem:
        raise RequestError(f"{path.name}: id {claim.id!r} must be the file's name, {path.stem!r}")
    return claim


def _check(holds: bool, field: str, claim: Claim) -> None:
    if not holds:
        wanted = COLUMNS_OF[claim.estimand] if field == "columns" else METHODS_OF[claim.contrast]
        what = claim.estimand if field == "columns" else claim.contrast
        raise ValueError(f"{field}: every entry needs {wanted} name(s) for {what!r}")


def _known(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    choices = sorted(known)
    unknown = [name for name in names if name not in choices]
    if unknown:
        raise ValueError(f"no {kind} {unknown[0]!r}; choose one of: {', '.join(choices)}")


def _problems(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        yield f"{where + ': ' if where else ''}{problem['msg']}"


def cells_of(comparison: Comparison) -> list[tuple[str, str]]:
    """Method by method, the columns of each in order: as the functionals take them."""
    names = [ALIASES.get(method, method) for method in comparison.methods]
    return [(method, ratio) for method in names for ratio in comparison.ratios]
