import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.seeding import generator_for, seed_for

parts = st.lists(st.one_of(st.integers(), st.text(max_size=5)), min_size=1, max_size=4)


def test_a_seed_never_changes():
    """Every committed number hangs on this."""
    assert seed_for(0, "degrade", "10_left") == 1126345364840393542


@given(parts)
def test_seeds_fit_into_63_bits(purpose):
    assert 0 <= seed_for(*purpose) < 2**63


@given(parts, parts)
def test_different_purposes_have_different_seeds(one, other):
    same = [(type(a), a) for a in one] == [(type(b), b) for b in other]
    assert (seed_for(*one) == seed_for(*other)) == same


def test_generators_of_one_purpose_agree_and_of_two_differ():
    numbers = [generator_for(0, "x", name).random(4) for name in ("a", "a", "b")]
    np.testing.assert_array_equal(numbers[0], numbers[1])
    assert not np.array_equal(numbers[0], numbers[2])
