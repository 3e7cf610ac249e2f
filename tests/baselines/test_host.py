"""What stays on the processor, and rows that are picked without asking a card."""

import pytest
import torch
from pretend_cuda import COUNTED, CUDA, card

from baselines.contrastive import KeyQueue
from baselines.host import rows, sent


@pytest.mark.parametrize(
    ("wanted", "side_by_side"),
    [("0110", True), ("1111", True), ("0000", True), ("0001", True), ("1010", False)],
)
def test_rows_are_those_of_the_mask(wanted, side_by_side):
    mask, values = torch.tensor([c == "1" for c in wanted]), torch.arange(4.0)
    picked = rows(mask, torch.device("cpu"))
    assert torch.equal(values[picked], values[mask])
    assert isinstance(picked, slice) == side_by_side


def test_a_queue_on_a_card_is_filled_read_and_stored_without_waiting():
    keys = torch.arange(10.0).reshape(5, 2)
    here, there = KeyQueue(3, 2), KeyQueue(3, 2)
    with card():
        there.to(CUDA)
        assert there.slots.is_cuda and not there.filled.is_cuda and not there.pointer.is_cuda
        moved = keys.to(CUDA)
        COUNTED.clear()
        for start, stop in ((0, 2), (2, 5), (1, 2)):
            here.enqueue(keys[start:stop])
            there.enqueue(moved[start:stop])
            there.keys()
        assert not COUNTED
        for name, value in here.state_dict().items():
            assert torch.equal(there.state_dict()[name].cpu(), value), name
        again = KeyQueue(3, 2).to(CUDA)
        again.load_state_dict({name: value.cpu() for name, value in there.state_dict().items()})
        assert len(again) == 3 and not again.filled.is_cuda


def test_a_tensor_is_sent_without_waiting_and_only_once():
    here = torch.arange(6.0)
    with card():
        there = sent(here, CUDA)
        assert dict(COUNTED) == {"copy in, not awaited": 1}
        assert sent(there, CUDA) is there
        assert dict(COUNTED) == {"copy in, not awaited": 1}
        assert torch.equal(there.cpu(), here)
        here.to(CUDA)
        assert COUNTED["copy in"] == 1  # the plain way is waited for
    assert sent(here, torch.device("cpu")) is here
