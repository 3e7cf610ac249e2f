"""What a request resolves to, before anything is trained."""

import pytest

from bench.request import Request, prepare


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
