"""What a run's training took, from its events; older records do not tell."""

from bench.evaluation import training_cost


def epoch(stage, seconds=2.0):
    return {"stage": stage, "epoch": 1, "seconds": seconds}


def cost(stage, px, samples=1000, flops=10**12):
    computed = {"px": px, "samples": samples, "flops": flops, "steps": 10}
    return {"stage": stage, "seconds": 0.0, "compute": computed}


TWO = [
    epoch("pretrain"),
    cost("pretrain", 128),
    epoch("finetune"),
    epoch("finetune"),
    cost("finetune", 512, samples=14_680, flops=10**11),
]


def test_stages_are_added_up_and_sides_listed_in_order():
    found = training_cost.of_events(TWO)
    assert found == {
        "sides_px": (128, 512),
        "samples": 15_680,
        "flops": 11 * 10**11,
        "training_seconds": 6.0,
    }
    assert training_cost.in_words(found) == "128, then 512 px, 15.7k samples, 1.10 TFLOP, 6 s"


def test_a_side_that_stays_is_said_once():
    phases = [event for name in "abc" for event in (epoch(name), cost(name, 64))]
    assert training_cost.of_events(phases)["sides_px"] == (64,)


def test_a_stage_without_its_compute_makes_the_whole_unknown():
    for events in ([epoch("finetune")], TWO[:-1], []):
        found = training_cost.of_events(events)
        assert set(found.values()) == {None}
        assert training_cost.in_words(found) == "not recorded"


def test_runs_of_a_cell_are_averaged_and_those_that_do_not_tell_are_counted():
    known, unknown = training_cost.of_events(TWO), training_cost.of_events([])
    larger = known | {"training_seconds": 8.0, "sides_px": (64,)}
    said = training_cost.summary([known, larger, unknown | {"flops": float("nan")}])
    assert said == (
        "128, then 512 or 64 px, 15.7k samples, 1.10 TFLOP, 7 s (1 of 3 runs not recorded)"
    )


def test_numbers_have_three_digits():
    shown = [training_cost._short(n) for n in (7, 999, 1000, 12_345, 999_499, 4.2e15)]
    assert shown == ["7", "999", "1.00k", "12.3k", "999k", "4.20P"]
