"""Which sources can move a number, and which version answers for each: read from the imports.

Every module that `bench.run` reaches, lazy imports included, belongs to one version: degradation,
twin, chest twin, a method (all of `baselines` and `comcl`), or engine, which has the rest. What is
left out stands in EXCLUDED with its reason. Where a twin, a degradation or a method builds on code
of another room, that code counts for it too: files drawn and degraded are kept by its version.
"""

import ast
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.roster import METHODS, Method
from bench.versions import CHEST_TWIN, DEGRADATION, ENGINE, TWIN

START = "bench.run"
BY_NAME = sorted({entry.recipe.partition(":")[0] for entry in METHODS.values()})
"""Modules that a run imports by the names that the roster gives them."""
ROOMS = {
    "bench.data.degradations": "degradation",
    "bench.data.field_of_view": "degradation",
    "bench.data.twin": "twin",
    "bench.data.chest_twin": "chest twin",
    "baselines": "method",
    "comcl": "method",
}
"""The version of a module and of all below it; every other module is the engine's."""

VALUES = "values of settings: the protocol that results is hashed, so another value is another run"
READER = (
    "a reader: its rows, labels, qualities, splits and boxes are in the hashed manifest; "
    "tests/data/test_read_sets.py has what the manifest leaves out"
)
WHO = "who works on a run; whoever does computes the same"
EXCLUDED = {
    "bench.errors": "names of errors and their exit codes",
    "bench.locking": WHO,
    "bench.locking.claim": WHO,
    "bench.locking.kernel": WHO,
    "bench.provenance": "recorded beside the scores; no score is computed from it",
    "bench.versions": "the versions themselves: hashed, and a bump is no change of code",
    "bench.pipeline.description": "what pages say of a run beside its scores",
    "bench.training.callbacks": "who is told how a run gets on",
    "bench.protocol.fields": "how a setting states its source",
    "bench.protocol.settings": VALUES,
    "bench.protocol.method_settings": VALUES,
    "bench.protocol.detector_settings": VALUES,
    "bench.protocol.patch_settings": VALUES,
    "bench.protocol.presets": VALUES,
    "bench.protocol.laptop": VALUES,
    "bench.protocol.demo": VALUES,
    "bench.protocol.laptop_chest": VALUES,
    "bench.protocol.pretrained": VALUES,
    "bench.protocol.smoke": VALUES,
    "bench.protocol.two_cores": VALUES,
    "bench.protocol.tuned": VALUES,
    "bench.protocol.tuning": VALUES,
    "bench.protocol.variants": f"{VALUES}; the key that tables ask for is read from them",
    "bench.protocol.original": f"{VALUES}; tests/protocol/test_published_settings.py has them",
    "bench.data.eyeq": READER,
    "bench.data.dataset_toml": READER,
    "bench.data.folder": READER,
    "bench.data.folder_labels": READER,
    "bench.data.image_names": READER,
    "bench.data.label_rules": READER,
    "bench.data.label_table": READER,
    "bench.data.modality": "what it refuses never runs",
    "bench.data.chest.checks": READER,
    "bench.data.chest.files": READER,
    "bench.data.chest.subset": READER,
}
"""Modules that a run imports and that move none of its numbers, each with the reason.

`bench.protocol.chest` is not among them: its `identity` decides what of the settings is hashed.
`bench.data.chest.quality` and `.reader` are not: the share that is degraded from the start, and how
images are framed, are in no manifest.
"""

LISTS = {"bench.roster": {"METHODS", "_comcl"}}
"""Names whose entries count elsewhere: a method's entry counts for that method."""

TOLD = ("say", "tick")
"""Calls that tell the user something; what they say is no code."""

DESCRIBING = ("source", "unit")
"""Keywords of `setting` that describe a value."""


class _WithoutWords(ast.NodeTransformer):
    """Drops docstrings, messages of errors, sentences for the terminal, sources of settings."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return ast.Pass()
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc.args, node.exc.keywords = [], []
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        node.msg = None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else None
        name = node.func.id if isinstance(node.func, ast.Name) else name
        if name in TOLD:
            node.args, node.keywords = [], []
        if name == "setting":
            node.keywords = [k for k in node.keywords if k.arg not in DESCRIBING]
        return self.generic_visit(node)


@cache
def without_words(source: str, lists: frozenset[str] = frozenset()) -> str:
    """A module's code as text, without words, and without the top-level names in `lists`."""
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if not names_of(node) & lists]
    return ast.unparse(_WithoutWords().visit(tree))


def names_of(node: ast.stmt) -> set[str]:
    """The names that a top-level statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


@cache
def named_in(source: str) -> frozenset[str]:
    """Every name that an import anywhere in a file could mean, in functions too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.module is None or node.level:
                raise ValueError(f"line {node.lineno}: write imports in full, not relative")
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


@dataclass(frozen=True)
class Tree:
    """The sources by module name, from disk or changed by a test."""

    texts: dict[str, str]

    @classmethod
    def read(cls, root: Path) -> "Tree":
        """All modules of the three packages."""
        texts = {}
        for package in ("bench", "baselines", "comcl"):
            for path in (root / package).rglob("*.py"):
                name = ".".join(path.relative_to(root).with_suffix("").parts)
                texts[name.removesuffix(".__init__")] = path.read_text(encoding="utf-8")
        return cls(texts)

    def changed(self, **texts: str) -> "Tree":
        """The tree with other texts, by module name with `__` for its dots."""
        return Tree(self.texts | {name.replace("__", "."): text for name, text in texts.items()})

    def reached(self, *start: str) -> set[str]:
        """The modules and all that they import, and the packages that hold those."""
        found: set[str] = set()
        todo = [*start, *(BY_NAME if START in start else ())]
        while todo:
            name = todo.pop()
            if name in self.texts and name not in found:
                found.add(name)
                todo += [*named_in(self.texts[name]), name.rpartition(".")[0]]
        return found

    def direct(self, modules: set[str]) -> set[str]:
        """What some modules import themselves."""
        return {n for name in modules for n in named_in(self.texts[name]) if n in self.texts}

    def digest(self, modules: set[str], more: str = "") -> str:
        """SHA-256 of the code of some modules, and of what else counts."""
        texts = (
            f"{name}\n{without_words(self.texts[name], frozenset(LISTS.get(name, ())))}\n"
            for name in sorted(modules)
        )
        return hashlib.sha256("".join([*texts, more]).encode()).hexdigest()


def room(module: str) -> str:
    """The version that answers for a module."""
    within = [name for name in ROOMS if module == name or module.startswith(f"{name}.")]
    return ROOMS[within[0]] if within else "engine"


def owners(tree: Tree) -> dict[str, set[str]]:
    """Version -> the modules of a run that are its own."""
    found: dict[str, set[str]] = {}
    for module in tree.reached(START) - EXCLUDED.keys():
        found.setdefault(room(module), set()).add(module)
    return found


def sources(tree: Tree) -> dict[str, set[str]]:
    """Version -> all modules that count for it, shared ones included."""
    owned = owners(tree)
    found = {"engine": owned["engine"]}
    for name in ("degradation", "twin", "chest twin"):
        found[name] = tree.reached(*owned[name]) - EXCLUDED.keys()
    return found | {f"method {name}": of_method(tree, entry) for name, entry in METHODS.items()}


def of_method(tree: Tree, method: Method) -> set[str]:
    """What of `baselines` and `comcl` a method's numbers come from.

    Its own file with its imports, and what of `baselines` the harness itself uses for every
    method. What the harness uses of `comcl` are the levels and variants of that method alone.
    """
    harness = owners(tree)["engine"]
    shared = {n for n in tree.direct(harness) if n.partition(".")[0] == "baselines"}
    return tree.reached(method.component.partition(":")[0], *shared)


def entry(method: Method) -> str:
    """What of a roster entry can move a number."""
    of_recipe = (method.component, method.recipe, method.backbone, method.input_from)
    return repr((*of_recipe, method.needs, method.groups, sorted(method.options.items())))


def current(
    tree: Tree, methods: dict[str, Method] | None = None
) -> dict[str, dict[str, str | int]]:
    """What the lock holds of a tree: version and digest by the version's name."""
    methods = METHODS if methods is None else methods
    covered = sources(tree)
    versions = {
        "engine": ENGINE,
        "degradation": DEGRADATION,
        "twin": TWIN,
        "chest twin": CHEST_TWIN,
    }
    lock: dict[str, dict[str, str | int]] = {
        name: {"version": version, "digest": tree.digest(covered[name])}
        for name, version in versions.items()
    }
    for name, method in methods.items():
        digest = tree.digest(covered[f"method {name}"], entry(method))
        lock[f"method {name}"] = {"version": method.version, "digest": digest}
    return lock
