"""The notes on the paper's own numbers as text; prose, so there is no CSV of it."""

from collections.abc import Callable, Iterator, Sequence

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from bench.errors import RequestError
from bench.reporting.console import for_stdout, plain
from bench.reporting.tables.latex import escape
from bench.reporting.tables.markdown import escape as escape_markdown
from bench.reporting.tables.paper_errata import Erratum

HEADING = "What is odd about the paper's own numbers"


def render_errata(errata: Sequence[Erratum], form: str) -> str:
    """The notes as text that ends in a newline.

    Args:
        errata: As `bench.reporting.tables.paper_errata.errata` gives them.
        form: "terminal", "text", "markdown" or "latex".

    Raises:
        RequestError: for "csv" and other forms.
    """
    if form not in FORMS:
        raise RequestError(f"--notes is prose, which --format {form} cannot hold; choose markdown")
    return FORMS[form](errata).rstrip("\n") + "\n"


def _group(errata: Sequence[Erratum]) -> Group:
    parts: list[Text | Padding] = [Text(HEADING + "\n", style="bold")]
    for number, erratum in enumerate(errata, start=1):
        parts.append(Text(f"{number}. {erratum.title}", style="bold"))
        parts += [Padding(Text(f"- {finding}"), (0, 0, 0, 3)) for finding in erratum.findings]
        sources = "; ".join(erratum.sources)
        parts += [Padding(Text(f"source: {sources}", style="dim"), (0, 0, 0, 3)), Text("")]
    return Group(*parts)


def _markdown(errata: Sequence[Erratum]) -> str:
    return "\n".join([f"# {HEADING}", *(line for erratum in errata for line in _section(erratum))])


def _section(erratum: Erratum) -> Iterator[str]:
    yield from ("", f"## {escape_markdown(erratum.title)}", "")
    yield from (f"- {escape_markdown(finding)}" for finding in erratum.findings)
    yield from ("", f"Source: {escape_markdown('; '.join(erratum.sources))}.")


def _latex(errata: Sequence[Erratum]) -> str:
    return "\n".join(
        [
            rf"\section*{{{escape(HEADING)}}}",
            *(line for erratum in errata for line in _list(erratum)),
        ]
    )


def _list(erratum: Erratum) -> Iterator[str]:
    yield rf"\paragraph{{{escape(erratum.title)}.}}"
    yield r"\begin{itemize}"
    yield from (rf"\item {escape(finding)}" for finding in erratum.findings)
    yield r"\end{itemize}"
    yield rf"{{\footnotesize Source: {escape('; '.join(erratum.sources))}.\par}}"


FORMS: dict[str, Callable[[Sequence[Erratum]], str]] = {
    "terminal": lambda errata: for_stdout(_group(errata)),
    "text": lambda errata: plain(_group(errata)),
    "markdown": _markdown,
    "latex": _latex,
}
