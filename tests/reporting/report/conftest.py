import pytest
from report_records import published_study

from bench.reporting.report.contents import gather


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """Runs whose published numbers the paper has, to read from."""
    return published_study(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="session")
def published_contents(published):
    """What a report tells of them, figures left out."""
    return gather(published, only=())
