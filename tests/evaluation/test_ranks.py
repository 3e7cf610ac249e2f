import numpy as np
import pytest

from bench.evaluation.influence import JointScores
from bench.evaluation.ranks import ranking


def scored(means, *, seeds=5, seed_sd=0.01, patient_sd=0.0, shared=0.0, patients=400):
    """Runs of methods with these means; all share a part of their patients' noise."""
    rng = np.random.default_rng(1)
    spread = np.linspace(-1, 1, seeds) / np.std(np.linspace(-1, 1, seeds), ddof=1)
    values = np.concatenate([mean + seed_sd * spread for mean in means])
    together = rng.standard_normal((patients, 1)) * shared
    own = rng.standard_normal((patients, len(means))) * patient_sd
    per_patient = np.repeat(together + own, seeds, axis=1) / np.sqrt(patients)
    cells = np.arange(len(values)).reshape(len(means), seeds).tolist()
    return JointScores(values, per_patient), cells


def test_a_clear_order_is_certain():
    result = ranking(*scored([0.9, 0.7, 0.8]))
    assert result.best.tolist() == pytest.approx([1, 0, 0], abs=1e-3)
    assert result.low.tolist() == [1, 3, 2]
    assert result.high.tolist() == [1, 3, 2]


def test_equal_methods_share_the_first_place():
    result = ranking(*scored([0.8, 0.8, 0.8, 0.8]))
    # 20,000 draws of 1 / 4: a standard error of 0.3 points, four of which are 1.2.
    assert result.best == pytest.approx([0.25] * 4, abs=0.012)
    assert result.low.tolist() == [1] * 4
    assert result.high.tolist() == [4] * 4


def test_ties_are_shared_and_the_shares_sum_to_one():
    result = ranking(*scored([0.8, 0.8, 0.1], seed_sd=0.0))
    assert result.best == pytest.approx([0.5, 0.5, 0.0], abs=1e-9)
    assert result.high.tolist() == [1, 1, 3]


def test_two_methods_win_as_often_as_the_t_law_says():
    scores, cells = scored([0.81, 0.80], seeds=4, seed_sd=0.02)
    rng = np.random.default_rng(7)
    draws = rng.standard_t(3, (2, 200_000)) * 0.02 / 2
    expected = (0.01 + draws[0] > draws[1]).mean()
    assert ranking(scores, cells).best[0] == pytest.approx(expected, abs=0.015)


def test_what_moves_all_methods_alike_moves_no_rank():
    alike = ranking(*scored([0.82, 0.80], seed_sd=1e-6, shared=0.2))
    apart = ranking(*scored([0.82, 0.80], seed_sd=1e-6, patient_sd=0.02))
    assert alike.best[0] > 0.999
    assert 0.6 < apart.best[0] < 0.99


def test_more_seeds_make_ranks_surer():
    few = ranking(*scored([0.80, 0.79, 0.78], seeds=3, seed_sd=0.02))
    many = ranking(*scored([0.80, 0.79, 0.78], seeds=30, seed_sd=0.02))
    assert many.best[0] > few.best[0]
    assert (many.high - many.low).sum() < (few.high - few.low).sum()


def test_the_same_seed_gives_the_same_ranks_and_another_seed_others():
    runs = scored([0.80, 0.79], seed_sd=0.02)
    assert ranking(*runs).best.tolist() == ranking(*runs).best.tolist()
    assert ranking(*runs).best.tolist() != ranking(*runs, seed=1).best.tolist()


def test_a_method_with_one_seed_or_an_undefined_score_has_no_rank():
    scores, cells = scored([0.8, 0.7])
    with pytest.raises(ValueError, match="one seed"):
        ranking(scores, [cells[0], cells[1][:1]])
    undefined = JointScores(np.where(np.arange(10) == 3, np.nan, scores.values), scores.per_patient)
    with pytest.raises(ValueError, match="undefined"):
        ranking(undefined, cells)
