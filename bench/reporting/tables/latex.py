"""A table in LaTeX with booktabs; whatever comes from the records is escaped."""

from collections.abc import Iterator

from bench.reporting.tables.model import Section, Table, TableCell, TableLine

ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "±": r"$\pm$",
    }
)


def escape(text: str) -> str:
    """The text with LaTeX's special characters written out."""
    return text.translate(ESCAPES)


def latex(table: Table) -> str:
    """One table environment a data set; the message, where there is one, as a comment."""
    if table.message:
        return "\n".join(f"% {line}" for line in table.message.splitlines())
    sections = ["\n".join(_section(table, section)) for section in table.sections]
    return "\n\n".join([r"% needs \usepackage{booktabs,graphicx}", *sections])


def _section(table: Table, section: Section) -> Iterator[str]:
    yield r"\begin{table}"
    yield r"\centering"
    yield rf"\caption{{{escape(f'{table.caption}: {section.title}')}}}"
    yield rf"\label{{tab:{table.name}-{section.dataset}}}"
    # No wider than the page: a real set's verdicts are.
    yield r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    yield from _tabular(section)
    yield "}"
    for mark, text in section.notes:
        yield rf"\par{{\footnotesize {_marks(mark)}{escape(text)}\par}}"
    yield r"\end{table}"


def _tabular(section: Section) -> Iterator[str]:
    width = len(section.columns)
    yield rf"\begin{{tabular}}{{l{'r' * width}}}"
    yield r"\toprule"
    yield "".join(f" & {escape(column.head)}" for column in section.columns).lstrip() + r" \\"
    for block in section.blocks:
        yield r"\midrule"
        yield rf"\multicolumn{{{width + 1}}}{{l}}{{\emph{{{escape(block.heading)}}}}} \\"
        for line in block.lines:
            if line.ruled:
                yield rf"\cmidrule{{1-{width + 1}}}"
            yield _line(line)
    yield r"\bottomrule"
    yield r"\end{tabular}"


def _line(line: TableLine) -> str:
    cells = (TableCell(line.title, marks=line.marks), *line.cells)
    return " & ".join(escape(c.text) + _marks(",".join(c.marks)) for c in cells) + r" \\"


def _marks(marks: str) -> str:
    return rf"\textsuperscript{{{marks}}}" if marks else ""
