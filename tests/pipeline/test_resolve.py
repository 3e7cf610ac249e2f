"""What a request resolves to, before anything is trained."""

from dataclasses import replace

import pytest
from small_nih import write_nih

from bench.errors import RequestError
from bench.pipeline.description import about, changed_options, command
from bench.pipeline.resolve import Request, prepare
from bench.protocol import tuned
from bench.protocol.tuned import TunedEntry


@pytest.fixture
def key_of(small_set, cache, tmp_path, tiny):
    def key(method, settings, *changes):
        request = Request(
            method,
            "folder",
            protocol="smoke",
            settings=settings,
            changes=(*tiny, *changes),
            data=small_set,
            results=tmp_path,
            cache=cache,
        )
        return prepare(request, lambda *_: None).key

    return key


@pytest.mark.parametrize("method", ["mmcnn", "cabnet", "lesion-base-cl"])
def test_original_settings_of_all_methods_share_a_table(key_of, method):
    """Each its own way, which is what such a table compares."""
    assert key_of(method, "original") == key_of("resnet50", "original")


def test_what_was_asked_for_besides_still_parts_tables(key_of):
    original = key_of("cabnet", "original")
    assert key_of("cabnet", "common") != original
    assert key_of("cabnet", "original", "finetuning.epochs=3") != original


def test_options_are_named_in_the_order_in_which_the_stored_spec_has_them(
    small_set, cache, tmp_path, tiny
):
    """Else a run with two of them, topk before spl in the protocol, says that it is damaged."""
    changes = (*tiny, "comcl.topk=off", "comcl.spl=off")
    request = Request("comcl", "folder", "0.7", protocol="smoke", changes=changes, data=small_set)
    prepared = prepare(replace(request, results=tmp_path, cache=cache), lambda *_: None)
    assert changed_options(prepared) == "[comcl.spl=off, comcl.topk=off]"


@pytest.fixture(scope="module")
def nih(tmp_path_factory):
    return write_nih(tmp_path_factory.mktemp("nih") / "set")


@pytest.fixture
def asked(small_set, nih, cache, tmp_path, tiny):
    """A tiny run on radiographs or on the small set of photographs."""

    def made(dataset, *changes, method="resnet50", settings="common"):
        request = Request(
            method,
            dataset,
            "0.7" if dataset == "folder" else "native",
            protocol="smoke",
            settings=settings,
            changes=(*tiny, "data.validation_share=0.3", *changes),
            data=small_set if dataset == "folder" else nih,
            results=tmp_path,
            cache=cache,
            partial=dataset == "chestxray",
        )
        return prepare(request, lambda *_: None)

    return made


def test_settings_of_radiographs_are_no_part_of_other_runs(asked):
    photographs, radiographs = asked("folder"), asked("chestxray", "chest.subset=all")
    assert "chest" not in photographs.spec.protocol
    assert "model" in photographs.spec.protocol["degradation"]
    assert radiographs.spec.protocol["chest"]["subset"] == "all"
    assert radiographs.spec.protocol["degradation"].keys() == {"apply_to", "strength"}


def test_the_twin_of_the_fundus_has_no_chest_group_in_the_laptop_protocol(cache, tmp_path):
    request = Request(
        "resnet50",
        "eyeq-twin",
        protocol="laptop",
        changes=("data.twin_train=40", "data.twin_test=40", "data.twin_px=64"),
        results=tmp_path,
        cache=cache,
    )
    made = prepare(request, lambda *_: None)
    assert "chest" not in made.spec.protocol
    assert made.spec.protocol["normalisation"]["mean"] == [0.4258, 0.2974, 0.2129]


@pytest.mark.parametrize(
    "change",
    ["chest.degradation=fundus_literal", "chest.rotation_deg=0", "chest.crop_region=anywhere"],
)
def test_a_setting_of_radiographs_makes_another_run_and_another_table(asked, change):
    one, other = asked("chestxray"), asked("chestxray", change)
    assert one.spec.id != other.spec.id
    assert one.key != other.key


def test_where_a_list_lies_does_not_matter_and_what_it_says_does(asked, nih, tmp_path):
    names = (nih / "train_val_list.txt").read_text() + "\n" + (nih / "test_list.txt").read_text()
    ids = []
    for file, text in (("a", names), ("b", names), ("c", names.replace("00000003_000.png\n", ""))):
        (tmp_path / file).write_text(text)
        ids.append(asked("chestxray", f"chest.subset=list={tmp_path / file}").spec.id)
    assert ids[0] == ids[1] != ids[2]


def test_radiographs_have_their_own_normalisation(asked):
    made = asked("chestxray", "chest.mean=[0.5, 0.5, 0.5]")
    assert made.protocol.normalisation.mean == (0.5, 0.5, 0.5)
    assert made.spec.protocol["normalisation"]["mean"] == [0.5, 0.5, 0.5]


def test_radiographs_in_original_settings_share_a_table(asked):
    keys = {asked("chestxray", method=m, settings="original").key for m in ("cabnet", "resnet50")}
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("dataset", "change"),
    [
        ("folder", "chest.severity=2"),
        ("chestxray", "degradation.model=cofe"),
        ("chestxray", "normalisation.mean=[0.1, 0.1, 0.1]"),
    ],
)
def test_a_setting_that_the_images_do_not_read_is_refused(asked, dataset, change):
    with pytest.raises(RequestError, match="images, which do not read it"):
        asked(dataset, change)


@pytest.mark.parametrize(
    ("change", "other", "reader"),
    [
        ("chest.allow_leak=true", "patches.boxes=auto", "patches.boxes=given"),
        ("chest.severity=5", "chest.degradation=chain", "chest.degradation=single"),
        ("chest.corruption=gaussian_blur", "chest.degradation=chain", "chest.degradation=single"),
        ("chest.train_images=10", "chest.subset=all", "chest.subset=official_8"),
        ("chest.low_share=0.3", "chest.quality=view_ap", "chest.quality=synthetic"),
    ],
)
def test_a_setting_that_another_keeps_from_being_read_is_refused(asked, change, other, reader):
    """The same run would have two names."""
    with pytest.raises(RequestError, match=rf"{change[:12]}.* with {other}; add --set {reader}"):
        asked("chestxray", change, other)
    assert asked("chestxray", change, reader).spec.id != asked("chestxray", reader).spec.id


def test_which_images_are_degraded_follows_the_seed_where_it_is_told_to(small_set, cache, tiny):
    def degraded(seed, *changes):
        request = Request(
            "resnet50",
            "folder",
            "0.7",
            seed,
            protocol="smoke",
            changes=(*tiny, *changes),
            data=small_set,
            cache=cache,
        )
        return prepare(request, lambda *_: None).degraded.tolist()

    assert degraded(0) == degraded(1)
    assert degraded(0, "data.seed_follows_run=true") != degraded(1, "data.seed_follows_run=true")


def test_photographs_quality_is_no_setting_of_nihs_radiographs(asked):
    with pytest.raises(RequestError, match=r"quality\.source=given.*see chest\.quality"):
        asked("chestxray", "quality.source=given")


@pytest.fixture
def smoke_tuned(monkeypatch):
    """ResNet50 has a rate of its own under smoke."""
    name = "finetuning.lr"
    entry = TunedEntry(
        chosen={name: 5e-4}, tried={name: (5e-4, 2e-3)}, dataset="eyeq-twin", study="t"
    )
    monkeypatch.setitem(tuned.TUNED, "smoke", {"resnet50": entry})


def test_methods_with_tuned_rates_of_their_own_share_a_table(asked, smoke_tuned):
    tuned_run, plain = asked("folder"), asked("folder", method="lanet")
    assert tuned_run.protocol.finetuning.lr == 5e-4
    assert plain.protocol.finetuning.lr == 2e-3
    assert tuned_run.key == plain.key


def test_runs_from_before_tuning_share_no_table_with_tuned_ones(asked, monkeypatch):
    before = asked("folder")
    key_before = before.key
    entry = TunedEntry(
        chosen={"finetuning.lr": 2e-3},
        tried={"finetuning.lr": (2e-3,)},
        dataset="eyeq-twin",
        study="t",
    )
    monkeypatch.setitem(tuned.TUNED, "smoke", {"resnet50": entry})
    after = asked("folder")
    assert before.spec.id == after.spec.id, "the same rate won, and ids do not move"
    assert key_before != after.key


@pytest.mark.parametrize("value", ["0.002", "0.0005", "0.1"])
def test_a_rate_set_by_hand_takes_the_tuned_one_s_place_and_parts_tables(asked, smoke_tuned, value):
    """Even the preset's own and the tuned one: then it is the same for all methods."""
    by_hand = asked("folder", f"finetuning.lr={value}")
    assert by_hand.protocol.finetuning.lr == float(value)
    assert by_hand.key != asked("folder").key
    assert by_hand.key == asked("folder", f"finetuning.lr={value}", method="lanet").key


def test_default_settings_share_no_table_with_tuned_ones(asked, smoke_tuned):
    default, other = (asked("folder", method=m, settings="default") for m in ("resnet50", "lanet"))
    assert default.protocol.finetuning.lr == other.protocol.finetuning.lr == 2e-3
    assert default.key == other.key != asked("folder").key


def test_what_pages_say_of_a_tuned_run_holds_the_preset_s_value(asked, smoke_tuned):
    assert about(asked("folder"), ())["tuned"] == {"finetuning.lr": 2e-3}
    assert about(asked("folder", method="lanet"), ())["tuned"] == {}
    assert "tuned" not in about(asked("folder", settings="default"), ())
    assert command(asked("folder", settings="default")).endswith("--settings default")
