"""DeepMT-DR's blocks: what the grader sees and starts from, and the original network's size."""

from pathlib import Path

import pytest
import torch
from small_deepmt_dr import NETWORK, batch_of, tiny

from baselines.backbones import WeightsMismatch, create
from baselines.deepmt_dr import DeepMTDR
from baselines.deepmt_dr_blocks import Integration, SegNet
from baselines.deepmt_dr_losses import only_to


def test_the_map_lies_where_the_answer_comes_from():
    integration, cam = Integration(2), torch.zeros(1, 8, 8)
    cam[0, 2:4, 4:6] = 1
    merged = integration([cam, torch.nn.functional.avg_pool2d(cam, 2)], (32, 32))[0]
    assert merged[8:16, 16:24].mean() > 0.6
    assert merged[:, :12].max() < 0.1
    row, column = divmod(int(merged.argmax()), 32)
    assert 8 <= row < 16
    assert 16 <= column < 24


def test_without_segmentation_the_grader_sees_colours_alone():
    model = tiny(segmentation=False)
    assert model.seg is None
    assert model.grader.trunk.conv1[0].weight.shape[1] == 3
    assert tiny().grader.trunk.conv1[0].weight.shape[1] == 7


def test_lesion_maps_can_be_shares_of_a_pixel():
    high = batch_of()["images"]
    sigmoids, shares = tiny().eval().seen(high)[1], tiny(lesion_maps="softmax").eval().seen(high)[1]
    assert sigmoids is not None
    assert shares is not None
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(4, 64, 64))
    assert not torch.allclose(sigmoids.sum(dim=1), torch.ones(4, 64, 64), atol=0.1)


def test_a_colour_backbone_s_weights_fit_all_but_the_first_convolution(tmp_path: Path):
    options = NETWORK["backbone_options"]
    torch.manual_seed(5)
    coloured = create("resnet10t", **options).state_dict()
    torch.save(coloured, tmp_path / "colour.pt")
    backbone = tiny(weights=tmp_path / "colour.pt").grader.trunk.state_dict()
    random = tiny().grader.trunk.state_dict()
    assert torch.equal(backbone["conv1.0.weight"], random["conv1.0.weight"])
    assert all(torch.equal(backbone[n], t) for n, t in coloured.items() if n != "conv1.0.weight")
    colours = tiny(weights=tmp_path / "colour.pt", segmentation=False).grader.trunk.state_dict()
    assert torch.equal(colours["conv1.0.weight"], coloured["conv1.0.weight"])


def test_a_backbone_of_seven_channels_is_loaded_whole_and_an_incomplete_one_refused(tmp_path: Path):
    options = NETWORK["backbone_options"]
    torch.manual_seed(5)
    state = create("resnet10t", in_chans=7, **options).state_dict()
    torch.save(state, tmp_path / "seven.pt")
    backbone = tiny(weights=tmp_path / "seven.pt").grader.trunk.state_dict()
    assert all(torch.equal(backbone[name], tensor) for name, tensor in state.items())
    for name in ("conv1.0.weight", "layer1.0.conv1.weight"):
        torch.save({n: t for n, t in state.items() if n != name}, tmp_path / "part.pt")
        with pytest.raises(WeightsMismatch, match="missing"):
            tiny(weights=tmp_path / "part.pt")


def test_a_term_reaches_its_target_alone():
    weight, start = torch.tensor(3.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    target = start * 5
    term = only_to(weight * target**2, target)
    assert term.item() == 300
    term.backward()
    assert weight.grad is None
    assert start.grad == 3 * 2 * 10 * 5
    assert not only_to(weight * 2, torch.tensor(1.0)).requires_grad


def conv_block(a: int, b: int) -> int:
    """Two scales (9 + 25) a b / 2 + b, norm 2 b, 3 x 3 convolution 9 b b + b, norm 2 b."""
    return 17 * a * b + b + 2 * b + 9 * b * b + b + 2 * b


def up_block(a: int, b: int) -> int:
    return 17 * a * b + b + 2 * b


def test_the_card_s_network_has_the_parameters_of_its_layers():
    with torch.device("meta"):
        model = DeepMTDR(5)
        finest = SegNet(side_weights=(0.4, 0.2, 0.2, 0.2, 1.0))
    counts = {name: sum(p.numel() for p in m.parameters()) for name, m in model.named_children()}
    conv = 32 * 32 * 9 + 32
    isr = (3 * 32 * 9 + 32) + 5 * 2 * conv + 2 * conv + (32 * 3 * 9 + 3)
    down = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    up = [(1024, 512), (512, 256), (256, 128)]
    seg = sum(conv_block(a, b) for a, b in down) + sum(up_block(a, b) for a, b in up)
    seg += sum(conv_block(2 * b, b) for _, b in up) + 5 * (1024 + 512 + 256 + 128) + 4 * 5
    # ResNet18: 7 x 7 on 7 channels; four convolutions a stage, a norm each; 1 x 1 shortcuts.
    backbone = 7 * 64 * 49 + 2 * 64 + 4 * (9 * 64 * 64 + 2 * 64)
    for a, b in [(64, 128), (128, 256), (256, 512)]:
        backbone += 9 * a * b + 3 * 9 * b * b + a * b + 5 * 2 * b
    head = 21 * 512 * 512 + 512 + 512 * 5 + 5
    assert counts == {"isr": isr, "seg": seg, "grader": backbone + head, "integration": 3 * 3}
    last = up_block(128, 64) + conv_block(128, 64) + 5 * 64 + 5
    assert sum(p.numel() for p in finest.parameters()) == seg + last
