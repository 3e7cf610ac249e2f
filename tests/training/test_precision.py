import pytest
import torch
from torch import nn

from bench.errors import RequestError
from bench.training.precision import (
    autocast,
    channels_last,
    choose_device,
    loss_scaler,
    set_numerics,
    tf32_for_predictions,
)

CPU = torch.device("cpu")


@pytest.fixture
def _no_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("_no_cuda")
def test_cuda_without_a_device_names_the_way_out():
    message = "--device cuda: torch sees no CUDA device here; use --device cpu"
    with pytest.raises(RequestError) as caught:
        choose_device("cuda")
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


@pytest.mark.usefixtures("_no_cuda")
def test_auto_is_the_cpu_where_there_is_no_cuda():
    assert choose_device("auto") == choose_device("cpu") == CPU


def test_auto_is_cuda_where_there_is_one_and_cpu_stays_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda")
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize("name", ["gpu", "", "CPU"])
def test_an_unknown_device_lists_the_known_ones(name):
    with pytest.raises(RequestError, match="choose one of: auto, cpu, cuda"):
        choose_device(name)


@pytest.mark.parametrize("function", [autocast, loss_scaler])
def test_fp16_on_a_cpu_names_the_way_out(function):
    with pytest.raises(RequestError, match=r"fp16 on cpu.*use precision bf16 or fp32"):
        function("fp16", CPU)


@pytest.mark.parametrize("function", [autocast, loss_scaler])
def test_an_unknown_precision_lists_the_known_ones(function):
    with pytest.raises(RequestError, match="fp8: choose one of: fp32, bf16, fp16"):
        function("fp8", CPU)


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_matrix_products_run_in_the_precision_asked_for(precision, dtype):
    with autocast(precision, CPU):
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype == dtype


def test_nothing_is_scaled_outside_fp16():
    loss = torch.tensor(3.0)
    assert loss_scaler("bf16", CPU).scale(loss) is loss


@pytest.mark.parametrize("value", [torch.rand(2, 3, 4, 5), nn.Conv2d(3, 4, 3)])
def test_channels_last_moves_memory_and_keeps_values(value):
    moved = channels_last(value)
    images = moved.weight if isinstance(moved, nn.Conv2d) else moved
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert not images.is_contiguous()
    if isinstance(value, torch.Tensor):
        assert torch.equal(images, value)


def test_numerics_sets_the_threads_and_forbids_rounding():
    threads = torch.get_num_threads()
    try:
        set_numerics(threads=1)
        assert torch.get_num_threads() == 1
        assert torch.get_float32_matmul_precision() == "highest"
        assert not torch.backends.cudnn.allow_tf32
    finally:
        set_numerics(threads=threads)


def rounded():
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize(
    ("precision", "device", "within"),
    [
        ("bf16", "cuda", ("high", True)),
        ("fp16", "cuda", ("high", True)),
        ("fp32", "cuda", ("highest", False)),
        ("bf16", "cpu", ("highest", False)),
    ],
)
def test_predictions_are_rounded_on_a_card_alone_and_no_coarser_than_its_training(
    precision, device, within
):
    set_numerics()
    with pytest.raises(KeyboardInterrupt), tf32_for_predictions(precision, torch.device(device)):
        assert rounded() == within
        raise KeyboardInterrupt
    assert rounded() == ("highest", False)


@pytest.mark.gpu
def test_cpu_and_gpu_give_the_same_logits():
    """Float32 products without TF32: sums of 64 terms in another order."""
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    set_numerics()
    torch.manual_seed(0)
    network, images = nn.Linear(64, 8), torch.rand(16, 64)
    there = network.cuda()(images.cuda()).cpu()
    torch.testing.assert_close(network.cpu()(images), there, rtol=1e-5, atol=1e-5)
