"""The plain rows of a table are called by the shared network of its runs."""

import pandas as pd

from bench.reporting.tables.build import build
from bench.reporting.tables.render import render

PLAIN = "plain classifier (EfficientNet-Lite0)"


def on(records, backbone):
    """The same runs on another shared network."""
    changed = records.copy()
    changed["protocol"] = [
        {**protocol, "backbone": {**protocol["backbone"], "name": backbone}}
        for protocol in records["protocol"]
    ]
    return changed


def test_no_row_of_a_table_is_called_by_a_network_that_was_not_trained(study):
    page = render(build("1", on(study, "tf_efficientnet_lite0")), "markdown")
    assert f"{PLAIN}" in page and f"{PLAIN}, compute-matched" in page
    assert "ResNet50" not in page
    assert "CABNet" in page


def test_a_small_resnet_keeps_the_papers_title(study):
    assert render(build("1", on(study, "resnet10t")), "markdown") == render(
        build("1", study), "markdown"
    )


def test_the_baseline_of_the_second_table_is_called_likewise(study, run):
    records = pd.DataFrame([*study.to_dict("records"), run("moco", "native", 0)])
    page = render(build("2", on(records, "tf_efficientnet_lite0")), "markdown")
    assert "Baseline (EfficientNet-Lite0)" in page
