"""Selection by the loss that a patch had when it was last drawn (D58)."""

import pytest
import torch
from small_comcl import batch_of, tiny

from comcl.loss import anchor_losses
from comcl.mining import LastLosses, Pace, quantile
from comcl.model import CoMCL
from comcl.views import LEVELS, Pair

ONE = (Pair(("L",), ("H",)),)
INF = torch.inf


def remembering(**options) -> CoMCL:
    return tiny(spl_losses="previous", entries=16, pairs=ONE, **options)


def last_losses(model: CoMCL) -> list[torch.Tensor]:
    """A copy of each pair's, (entry, level)."""
    memories = [memory for memory in model.last_losses if isinstance(memory, LastLosses)]
    return [memory.last.clone().view(16, len(LEVELS)) for memory in memories]


def selected(model: CoMCL, batch: dict[str, torch.Tensor], step: int) -> float:
    _, logs = model.loss(batch, step=step, total_steps=10)
    return float(logs["selected/L|H"])


def test_a_patch_that_was_never_drawn_has_the_loss_of_now():
    memory = LastLosses(4)
    patches, losses = torch.tensor([2, 0]), torch.tensor([3.0, 1.0])
    assert memory.recall(patches, losses).tolist() == [3.0, 1.0]
    memory.note(patches, losses)
    assert memory.recall(patches, losses + 1).tolist() == [4.0, 2.0]  # the step is not taken yet
    memory.after_step()
    assert memory.recall(torch.tensor([0, 1, 2]), torch.full((3,), 9.0)).tolist() == [1, 9, 3]


def test_the_latest_step_counts_and_of_one_step_the_larger_loss():
    memory = LastLosses(3)
    memory.note(torch.tensor([0, 1]), torch.tensor([5.0, 5.0]))
    memory.after_step()
    memory.note(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))
    memory.note(torch.tensor([0]), torch.tensor([1.5]))  # another part of the same batch
    memory.after_step()
    assert memory.last.tolist() == [2.0, 5.0, INF]


def losses_now(model: CoMCL, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Eq. 1 of every anchor, over all negatives."""
    with torch.no_grad():
        query, key = model.encoders.query(batch["query"]), model.encoders.key(batch["key"])
    lesions, queue = batch["levels"] == 0, model.queue("H")
    negatives = queue.keys() if len(queue) else key[~lesions]
    keep = torch.ones(int(lesions.sum()), len(negatives), dtype=torch.bool)
    return anchor_losses(query[lesions], key[lesions], negatives, keep, temperature=0.5)


def test_the_model_selects_as_a_dictionary_of_last_losses_does():
    """Batches that share some patches, against a loop; no weight moves."""
    model, known, differing = remembering(topk="off", momentum=1.0), {}, []
    for step in range(4):
        batch = batch_of("L H", seed=step)
        batch["entries"] = batch["entries"] // 2 + step
        losses = losses_now(model, batch)
        entries = batch["entries"][batch["levels"] == 0].tolist()
        now = dict(zip(entries, losses.tolist(), strict=True))
        judged = torch.tensor([known.get(entry, loss) for entry, loss in now.items()])
        chosen, by_now = (quantile(one, Pace(1, step / 10)) for one in (judged, losses))
        loss, _ = model.loss(batch, step=step, total_steps=10)
        assert loss.item() == pytest.approx((losses * chosen).mean().item(), abs=1e-6)
        differing.append(not torch.equal(chosen, by_now))
        model.after_step()
        known |= now
    assert not differing[0] and any(differing)


def test_parts_of_one_batch_do_not_judge_each_other():
    model = remembering(momentum=1.0, negatives="batch")
    first, second = batch_of("L H", seed=1), batch_of("L H", seed=2)
    alone = remembering(momentum=1.0, negatives="batch").loss(second, step=0, total_steps=10)[0]
    model.loss(first, step=0, total_steps=10)
    assert model.loss(second, step=0, total_steps=10)[0].item() == alone.item()
    model.after_step()
    model.loss(first, step=0, total_steps=10)
    model.after_step()
    assert model.loss(second, step=0, total_steps=10)[0].item() != alone.item()


def test_other_levels_have_losses_of_their_own():
    batch = batch_of("L L~ H H~", repeats=2)
    model = tiny(spl_losses="previous", entries=16)
    model.loss(batch, step=0, total_steps=10)
    model.after_step()
    places = [last.isfinite().nonzero().tolist() for last in last_losses(model)]
    assert places == [[[0, 0], [4, 0]], [[0, 0], [4, 0]], [[1, 1], [5, 1]]]  # L, L and L~


def test_a_checkpoint_holds_them_and_evaluation_leaves_them():
    model = remembering()
    model.loss(batch_of(), step=0, total_steps=10)
    model.after_step()
    resumed = remembering()
    resumed.load_state_dict(model.state_dict())
    other = batch_of(seed=5)
    one, two = (m.loss(other, step=4, total_steps=10)[0].item() for m in (model, resumed))
    assert one == two
    (before,) = last_losses(resumed)
    (first,) = last_losses(model)
    assert torch.equal(before, first) and first.isfinite().any()
    resumed.after_step()
    (after,) = last_losses(resumed)
    assert not torch.equal(after, before)
    resumed.eval().loss(batch_of(seed=6), step=4, total_steps=10)
    resumed.after_step()
    (still,) = last_losses(resumed)
    assert torch.equal(still, after)


def test_without_places_of_patches_it_is_refused():
    batch = batch_of()
    del batch["entries"]
    assert selected(tiny(pairs=ONE), batch, 0) == 0.5
    with pytest.raises(KeyError, match="entries"):
        selected(remembering(), batch, 0)
