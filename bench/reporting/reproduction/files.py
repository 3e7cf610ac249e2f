"""The generated files of the repository, as bytes, so that they can be written or compared."""

from pathlib import Path

from bench.reporting.figures.overview import overview
from bench.reporting.reproduction import page, readme
from bench.reporting.reproduction.study_results import listed_studies, study_results


def generated(root: Path) -> dict[str, bytes]:
    """Path in the repository -> content.

    Args:
        root: A checkout.

    Raises:
        NotComparable: if a study has runs that must not be compared.
        RequestError: if the checkout lacks the list of studies, one of them, or the README's marks.
    """
    studies = study_results(listed_studies(root / "results"))
    picture = overview([result.study for result in studies])
    csv = picture.data.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    text = (root / "README.md").read_text(encoding="utf-8")
    return {
        "README.md": readme.with_block(text, readme.block(studies, picture.caption)).encode(),
        "results/REPRODUCTION.md": page.render(studies, picture.caption).encode(),
        "results/figures/overview.svg": picture.svg(),
        "results/figures/overview.csv": csv.encode(),
    }
