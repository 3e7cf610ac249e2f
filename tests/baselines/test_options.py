import pytest

from baselines.options import pick


def test_the_named_option_is_picked_and_no_other():
    assert pick({"a": 1, "b": 2}, "b", "letter") == 2


def test_an_unknown_name_is_told_with_those_there_are():
    with pytest.raises(ValueError, match=r"letter \('c'\) is unknown; choose one of: a, b"):
        pick({"a": 1, "b": 2}, "c", "letter")
