import pytest
import torch

from bench.protocol.settings import FinetuningSettings, PretrainingSettings
from bench.training.memory import OutOfMemory, explaining, is_out_of_memory, smaller

FAILURES = [
    MemoryError("Unable to allocate 9.00 GiB for an array"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee documentation"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: not enough memory"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: str(f)[:20])
def test_any_allocator_s_failure_is_one_line_with_a_way_out(failure):
    with pytest.raises(OutOfMemory) as caught, explaining("finetune on cpu", "--set a=1"):
        raise failure
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("finetune on cpu: not enough memory (")
    assert message.endswith("; --set a=1")


@pytest.mark.parametrize("other", [RuntimeError("shapes differ"), ValueError("out of memory")])
def test_another_failure_stays_what_it_is(other):
    assert not is_out_of_memory(other)
    with pytest.raises(type(other), match=str(other)), explaining("finetune", "--set a=1"):
        raise other


def test_a_real_allocation_that_fails_is_recognised():
    with pytest.raises(OutOfMemory), explaining("a tensor", "less"):
        torch.empty(2**60, dtype=torch.uint8)


def test_fine_tuning_is_computed_in_parts_until_a_part_is_an_image():
    settings = FinetuningSettings()
    batch = settings.batch
    assert "--set finetuning.accumulation=2 " in smaller(settings)
    halved = settings.model_copy(update={"accumulation": 2})
    assert "--set finetuning.accumulation=4 " in smaller(halved)
    single = settings.model_copy(update={"accumulation": batch})
    assert f"--set finetuning.batch={batch // 2} " in smaller(single)


def test_a_contrastive_batch_gets_smaller():
    settings = PretrainingSettings()
    assert f"--set pretraining.batch={settings.batch // 2} " in smaller(settings)
