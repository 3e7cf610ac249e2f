import hashlib
from dataclasses import replace

import pytest

from bench import roster
from bench.errors import RequestError

NET = "from torch import nn\n\n\nclass Net(nn.Module):\n    pass\n"


def test_an_alias_is_the_method_it_stands_for():
    assert roster.resolve("comcl-v3") == roster.resolve("comcl")
    assert roster.resolve("comcl-v2") != roster.resolve("comcl")


def test_an_unknown_method_names_the_nearest():
    with pytest.raises(RequestError, match="did you mean 'comcl'"):
        roster.resolve("comlc")


def test_a_class_of_a_file_is_a_method_known_by_its_content(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(NET)
    name, method = roster.resolve(f"{path}:Net")
    assert name == "mine.py:Net"
    assert method.digest == hashlib.sha256(NET.encode()).hexdigest()
    assert roster.load(method, name).__name__ == "Net"
    path.write_text(NET + "# changed\n")
    assert roster.resolve(f"{path}:Net")[1].digest != method.digest


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("x = 1\n", "has no class 'Net'; it has no class at all"),
        ("class Other: pass\nNet = 1\n", "has no class 'Net'; it has Other"),
        ("\n1/0\n", r"cannot be imported: ZeroDivisionError: division by zero \(mine.py, line 2\)"),
        ("def (:\n", r"cannot be imported: SyntaxError: invalid syntax \(line 1\)"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "mine.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RequestError, match=message):
        name, method = roster.resolve(f"{path}:Net")
        roster.load(method, name)


@pytest.mark.parametrize("name", list(roster.METHODS))
def test_every_entry_names_a_recipe(name):
    """And what it names is written there, not merely imported."""
    assert roster.recipe(roster.METHODS[name]).__name__ == roster.METHODS[name].recipe.split(":")[1]


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("bench.pipeline.recipes.contrastive:mocco", "did you mean 'moco'"),
        ("bench.pipeline.recipes.contrastive:supervised", "no recipe"),  # imported there
        ("bench.pipeline.recipes.contrastive:_lesions", "no recipe"),
        ("bench.pipeline.recipes.contrasts:moco", "no module 'bench.pipeline.recipes.contrasts'"),
        ("moco", "no recipe 'moco'"),
    ],
)
def test_an_unknown_recipe_is_one_line(recipe, said):
    method = replace(roster.METHODS["moco"], recipe=recipe)
    with pytest.raises(RequestError, match=said) as caught:
        roster.recipe(method)
    assert "\n" not in str(caught.value)


def test_what_a_recipe_cannot_import_is_not_an_unknown_recipe(tmp_path, monkeypatch):
    (tmp_path / "wanting.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    method = replace(roster.METHODS["moco"], recipe="wanting:train")
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        roster.recipe(method)


def test_a_function_of_another_module_is_a_recipe_by_its_name_alone(tmp_path, monkeypatch):
    (tmp_path / "extra.py").write_text("def train(context):\n    return (context,)\n")
    monkeypatch.syspath_prepend(tmp_path)
    method = replace(roster.METHODS["moco"], recipe="extra:train")
    assert roster.recipe(method)("stages") == ("stages",)


@pytest.mark.parametrize("name", list(roster.METHODS))
def test_every_entry_names_a_class(name):
    assert isinstance(roster.load(roster.METHODS[name], name), type)


def test_a_file_without_a_class_asks_for_the_class():
    with pytest.raises(RequestError, match=r"which class of the file\? Write ./mine.py:CLASS"):
        roster.resolve("./mine.py")


def test_a_class_that_a_users_file_imports_is_found(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from collections import Counter as Net\n")
    name, method = roster.resolve(f"{path}:Net")
    assert roster.load(method, name).__name__ == "Counter"
