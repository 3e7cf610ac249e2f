"""What LaTeX itself says of our pages, where there is one."""

import shutil
import subprocess

import pandas as pd
import pytest

from bench.reporting.tables.build import build_all
from bench.reporting.tables.errata_page import render_errata
from bench.reporting.tables.paper_errata import errata
from bench.reporting.tables.render import render_all

DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs,graphicx}
\begin{document}
%s
\end{document}
"""


@pytest.fixture(params=["twin", "real", "nothing", "notes"])
def page(request, study, real_run):
    """Tables with marks, verdicts, odd names and misprints; no table; the notes."""
    if request.param == "notes":
        return render_errata(errata(), "latex")
    if request.param == "nothing":
        return render_all(build_all("all", pd.DataFrame()), "latex")
    if request.param == "twin":
        return render_all(build_all("all", study), "latex")
    names = ("resnet50", "comcl", "comcl-v1", "moco", r"x_%&#$\{}~^<>.py:My_Net")
    runs = [real_run(name, "native", seed) for name in names for seed in range(3)]
    return render_all(build_all("all", pd.DataFrame(runs)), "latex")


def test_the_page_is_plain_ascii_with_balanced_braces(page):
    assert page.isascii()
    text = page.replace(r"\{", "").replace(r"\}", "")
    assert text.count("{") == text.count("}")
    for environment in ("table", "tabular", "itemize"):
        begins, ends = (page.count(rf"\{word}{{{environment}}}") for word in ("begin", "end"))
        assert begins == ends


def test_pdflatex_compiles_it(page, tmp_path):
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("no pdflatex here")
    (tmp_path / "page.tex").write_text(DOCUMENT % (page + "\nAn end."))
    command = [program, "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "page.pdf").stat().st_size > 1000
