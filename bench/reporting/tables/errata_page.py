"""The notes on the paper's own numbers as text; prose, so there is no CSV of it."""

from collections.abc import Callable, Iterator, Sequence

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from bench.errors import RequestError
from bench.reporting.console import for_stdout, plain
from bench.reporting.tables.latex import escape
from bench.reporting.tables.markdown import escape as escape_markdown
from bench.reporting.tables.paper_errata import Note

HEADING = "What is odd about the paper's own numbers"


def render_notes(notes: Sequence[Note], form: str) -> str:
    """The notes as text that ends in a newline.

    Args:
        notes: As `bench.reporting.tables.paper_errata.notes` gives them.
        form: "terminal", "text", "markdown" or "latex".

    Raises:
        RequestError: for "csv" and other forms.
    """
    if form not in FORMS:
        raise RequestError(f"--notes is prose, which --format {form} cannot hold; take markdown")
    return FORMS[form](notes).rstrip("\n") + "\n"


def _group(notes: Sequence[Note]) -> Group:
    parts: list[Text | Padding] = [Text(HEADING + "\n", style="bold")]
    for place, note in enumerate(notes, start=1):
        parts.append(Text(f"{place}. {note.title}", style="bold"))
        parts += [Padding(Text(f"- {finding}"), (0, 0, 0, 3)) for finding in note.findings]
        sources = "; ".join(note.sources)
        parts += [Padding(Text(f"source: {sources}", style="dim"), (0, 0, 0, 3)), Text("")]
    return Group(*parts)


def _markdown(notes: Sequence[Note]) -> str:
    return "\n".join([f"# {HEADING}", *(line for note in notes for line in _section(note))])


def _section(note: Note) -> Iterator[str]:
    yield from ("", f"## {escape_markdown(note.title)}", "")
    yield from (f"- {escape_markdown(finding)}" for finding in note.findings)
    yield from ("", f"Source: {escape_markdown('; '.join(note.sources))}.")


def _latex(notes: Sequence[Note]) -> str:
    return "\n".join(
        [rf"\section*{{{escape(HEADING)}}}", *(line for note in notes for line in _list(note))]
    )


def _list(note: Note) -> Iterator[str]:
    yield rf"\paragraph{{{escape(note.title)}.}}"
    yield r"\begin{itemize}"
    yield from (rf"\item {escape(finding)}" for finding in note.findings)
    yield r"\end{itemize}"
    yield rf"{{\footnotesize Source: {escape('; '.join(note.sources))}.\par}}"


FORMS: dict[str, Callable[[Sequence[Note]], str]] = {
    "terminal": lambda notes: for_stdout(_group(notes)),
    "text": lambda notes: plain(_group(notes)),
    "markdown": _markdown,
    "latex": _latex,
}
