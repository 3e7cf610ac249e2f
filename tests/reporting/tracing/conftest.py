import pytest
from traced_records import traced_run, with_embeddings, with_maps

from bench.reporting.tracing.bundle import export


@pytest.fixture(scope="module")
def full_bundle(tmp_path_factory):
    """Of one run with all its artefacts."""
    root = tmp_path_factory.mktemp("records")
    run = traced_run(root, "comcl", "0.7", 0)
    with_maps(run, [True, False])
    with_embeddings(run)
    path = tmp_path_factory.mktemp("out") / "bundle.zip"
    export(root, path)
    return path
