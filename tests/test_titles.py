import pandas as pd
import pytest

from bench import titles

LITE = {"backbone": {"name": "tf_efficientnet_lite0"}}


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("ResNet50", "plain classifier (EfficientNet-Lite0)"),
        ("ResNet50, compute-matched", "plain classifier (EfficientNet-Lite0), compute-matched"),
        ("Baseline (ResNet50)", "Baseline (EfficientNet-Lite0)"),
        ("CABNet", "CABNet"),
    ],
)
def test_a_plain_row_is_named_by_the_network_in_force(title, shown):
    assert titles.of_protocol(title, LITE) == shown
    assert titles.on_backbone(title, "resnet10t") == title
    assert titles.of_protocol(title, {}) == title


def test_a_network_without_a_known_name_keeps_timms():
    assert titles.on_backbone("ResNet50", "densenet121") == "plain classifier (densenet121)"


def test_a_row_takes_the_backbone_of_its_own_runs_first():
    records = pd.DataFrame(
        {"method": ["comcl", "resnet50"], "protocol": [LITE, {"backbone": {"name": "resnet50"}}]}
    )
    assert titles.of_method("resnet50", records) == "ResNet50"
    assert titles.of_method("resnet50-long", records) == (
        "plain classifier (EfficientNet-Lite0), compute-matched"
    )
    assert titles.of_method("mine.py:Net", records) == "mine.py:Net"
    assert titles.of_method("resnet50", records.iloc[:0]) == "ResNet50"
