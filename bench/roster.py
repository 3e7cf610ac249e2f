"""The methods by name, in the paper's order; classes are named by strings, so pages need no torch.

Adding a method: its file in `baselines/`, and one entry here. `--method ./mine.py:Net` runs a
class of a file of yours through the same resolver without touching the repository.
"""

import difflib
import hashlib
import importlib
import importlib.util
import inspect
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from bench.errors import RequestError


@dataclass(frozen=True)
class Method:
    """One row of a table.

    Attributes:
        title: As the paper prints it.
        citation: Authors and year.
        component: "module:Class", or "file.py:Class" for a user's own.
        recipe: "module:function" that turns a run's context into the method's stages.
        version: Bumped by hand when a change can move the method's numbers.
        backbone: The field of `protocol.backbone` that names its network.
        input_from: The protocol group whose `image_px` is its input; "" for `data`.
        needs: What a data set must have beyond labels.
        groups: Protocol groups that are this method's own options.
        confidence: How much of the method is known: high, medium or low (reconstructed).
        known: What of it is reconstructed, for pages and footnotes; "" where nothing is.
        options: Flat keywords handed to the recipe.
        in_paper: False for our controls.
        digest: SHA-256 of a user's file, None for ours.
    """

    title: str
    citation: str
    component: str
    recipe: str = "bench.pipeline.recipes.supervised:classifier"
    version: int = 1
    backbone: str = "name"
    input_from: str = ""
    needs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    confidence: Literal["high", "medium", "low", "yours"] = "high"
    known: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    in_paper: bool = True
    digest: str | None = None


def _comcl(title: str, variant: str, in_paper: bool = True) -> Method:
    return Method(
        title,
        "Hou et al., 2024",
        "comcl.model:CoMCL",
        version=2,
        recipe="bench.pipeline.recipes.contrastive:comcl",
        needs=("lesion patches", "quality"),
        groups=("comcl",),
        confidence="medium",
        options={"variant": variant},
        in_paper=in_paper,
    )


def _moco(*, patches: bool) -> Method:
    return Method(
        "Basic CL (MoCo) on lesion patches" if patches else "Basic CL (MoCo)",
        "He K. et al., 2020",
        "baselines.moco:MoCo",
        recipe=f"bench.pipeline.recipes.contrastive:{'on_lesion_patches' if patches else 'moco'}",
        version=2,
        needs=("lesion patches",) if patches else (),
        groups=("moco",),
        options={"keeps_queue": True},
        in_paper=not patches,
    )


METHODS: dict[str, Method] = {
    "resnet50": Method("ResNet50", "He et al., 2016", "baselines.classifier:Classifier"),
    "resnet50-long": Method(
        "ResNet50, compute-matched",
        "control of this benchmark",
        "baselines.classifier:Classifier",
        options={"compute_matched": True},
        in_paper=False,
    ),
    "inception-v3": Method(
        "Inception-v3",
        "Szegedy et al., 2016",
        "baselines.classifier:Classifier",
        backbone="inception",
        input_from="inception",
        groups=("inception",),
        options={"enlarged": True},
    ),
    "densenet121": Method(
        "DenseNet-121",
        "Huang G. et al., 2017",
        "baselines.classifier:Classifier",
        backbone="densenet",
        groups=("densenet",),
    ),
    "mmcnn": Method(
        "MMCNN",
        "Zhou et al., 2018",
        "baselines.mmcnn:MMCNN",
        version=2,
        recipe="bench.pipeline.recipes.supervised:phased",
        input_from="mmcnn",
        groups=("mmcnn",),
        confidence="low",
        known="reconstructed from its abstract: cells, resolutions and loss weights are assumed",
    ),
    "zoom-in-net": Method(
        "Zoom-in-Net",
        "Wang Z. et al., 2017",
        "baselines.zoom_in_net:ZoomInNet",
        version=2,
        recipe="bench.pipeline.recipes.supervised:phased",
        input_from="zoom_in_net",
        groups=("zoom_in_net",),
        confidence="low",
        known="reconstructed from its abstract: layers, sizes and phases are assumed",
    ),
    "lesion-base-cl": Method(
        "Lesion-base CL",
        "Huang Y. et al., 2021",
        "baselines.lesion_base_cl:LesionBaseCL",
        version=2,
        recipe="bench.pipeline.recipes.contrastive:on_lesion_patches",
        needs=("lesion patches",),
        options={"second_view": "own_window"},
    ),
    "cabnet": Method(
        "CABNet",
        "He A. et al., 2021",
        "baselines.cabnet:CABNet",
        version=2,
        recipe="bench.pipeline.recipes.supervised:phased",
        groups=("cabnet",),
    ),
    "deepmt-dr": Method(
        "DeepMT-DR",
        "Wang X. et al., 2021",
        "baselines.deepmt_dr:DeepMTDR",
        version=2,
        recipe="bench.pipeline.recipes.deepmt_dr:deepmt_dr",
        needs=("lesion masks",),
        groups=("deepmt_dr",),
        confidence="medium",
        known="its released code cannot run: gradients, maps and losses are repaired by guess",
    ),
    "lesion-aware-cl": Method(
        "Lesion-aware CL",
        "Cheng et al., 2023",
        "baselines.lesion_aware_cl:LesionAwareCL",
        version=2,
        recipe="bench.pipeline.recipes.contrastive:lesion_aware",
        needs=("lesion patches",),
        groups=("lesion_aware",),
        confidence="medium",
        known="its released student cannot run: which patches it sees is assumed",
        options={"keeps_queue": True, "second_view": "own_window"},
    ),
    "lanet": Method("LANet", "Hou J. et al., 2023", "baselines.lanet:LANet", groups=("lanet",)),
    "moco": _moco(patches=False),
    "moco-patches": _moco(patches=True),
    "comcl": _comcl("CoMCL", "comcl"),
    "comcl-no-multilevel": _comcl("CoMCL w/o Multi-level", "comcl-no-multilevel"),
    "comcl-no-spl": _comcl("CoMCL w/o SPL", "comcl-no-spl"),
    "comcl-v1": _comcl("CoMCL_v1", "comcl-v1"),
    "comcl-v2": _comcl("CoMCL_v2", "comcl-v2"),
}

ALIASES = {"comcl-v3": "comcl"}


def resolve(name: str) -> tuple[str, Method]:
    """The roster name (aliases resolved) and entry of a method, or of a file's class.

    Raises:
        RequestError: for an unknown name, naming the nearest, or a file that is not there.
    """
    if ".py:" in name:
        return _from_file(name)
    if name.endswith(".py"):
        raise RequestError(f"--method {name}: which class of the file? Write {name}:CLASS")
    name = ALIASES.get(name, name)
    if name not in METHODS:
        known = [*METHODS, *ALIASES]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
        raise RequestError(
            f"no method {name!r}: did you mean {near!r}? `bench methods` lists all; "
            "a class of your own is ./mine.py:Net"
        )
    return name, METHODS[name]


def load(method: Method, name: str) -> type:
    """The class that an entry names.

    Raises:
        RequestError: when a user's file cannot be imported or lacks the class.
    """
    module_name, _, class_name = method.component.rpartition(":")
    if method.digest is None:
        return getattr(importlib.import_module(module_name), class_name)
    module = _import_file(Path(module_name))
    found = vars(module).get(class_name)
    if not callable(found):
        classes = ", ".join(key for key, value in vars(module).items() if isinstance(value, type))
        raise RequestError(
            f"--method {name}: {module_name} has no class {class_name!r}; it has "
            f"{classes or 'no class at all'}"
        )
    return cast(type, found)


def recipe(method: Method) -> Callable[[Any], Any]:
    """The function that an entry names: from a run's context to the method's stages.

    Raises:
        RequestError: for a module or a function that is not there, naming the nearest function.
    """
    module_name, _, name = method.recipe.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # something that the recipe itself imports
        raise RequestError(
            f"no recipe {method.recipe!r} (of {method.title}): no module {error.name!r}; a recipe "
            "is module:function"
        ) from error
    known = [n for n, value in vars(module).items() if _written_in(module_name, value)]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0)
        hint = f": did you mean {near[0]!r}?" if near else ""
        raise RequestError(f"no recipe {method.recipe!r} (of {method.title}){hint}")
    return getattr(module, name)


def _written_in(module_name: str, value: Any) -> bool:
    """Whether it is a public function of the module, and not one that it imports."""
    return (
        inspect.isfunction(value)
        and value.__module__ == module_name
        and not value.__name__.startswith("_")
    )


def constant(method: Method, name: str, *default: Any) -> Any:
    """A constant of the module in which a method's class is written, or a default."""
    return getattr(importlib.import_module(method.component.partition(":")[0]), name, *default)


def _from_file(name: str) -> tuple[str, Method]:
    path_text, _, class_name = name.rpartition(":")
    path = Path(path_text)
    if not path.is_file():
        raise RequestError(f"--method {name}: no such file: {path_text}")
    entry = Method(
        f"{class_name} ({path.name})",
        "yours",
        f"{path}:{class_name}",
        confidence="yours",
        in_paper=False,
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    return f"{path.name}:{class_name}", entry


def _import_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None, "a .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise RequestError(
            f"--method {path}: the file cannot be imported: {where_raised(error)}"
        ) from error
    return module


def where_raised(error: Exception) -> str:
    """An exception of a user's file in one line: its kind, its message, and where it was raised."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} (line {error.lineno})"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"
