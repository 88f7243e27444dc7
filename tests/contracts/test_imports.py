"""Arrows point down: which room may import which, and who may see torch. Read from the syntax of every file."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import pytest

import bonaface

PACKAGE = Path(bonaface.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

FOUNDATION = {
    "__init__",
    "digest",
    "errors",
    "vocabulary",
    "types",
    "contract",
    "bundle",
    "bundle_exchange",
    "locks",
    "log_odds",
    "presentation",
}
BELOW: dict[str, set[str]] = {
    "foundation": set(),
    "faces": {"foundation"},
    "attacks": {"foundation"},
    "models": {"foundation", "attacks"},
    "data": {"foundation", "faces", "attacks"},
    "evaluation": {"foundation"},
    "training": {"foundation", "faces", "attacks", "models", "data", "evaluation"},
    "inference": {"foundation", "faces"},
    "cli": {"foundation"},
}
"""A room, and those that it may import besides itself. `cli` imports every other room inside its commands."""

EXCEPTIONS = {
    ("evaluation/scoring.py", "bonaface.data.manifest"),
    ("evaluation/contact_sheet.py", "bonaface.faces.picture"),  # thumbnails, by the one safe reader
}
LAZY = {"cli", "foundation"}
"""Rooms whose functions may import what their modules may not: commands, and `bonaface.load` on first use."""

LEARNING = {"torch", "transformers", "accelerate", "safetensors", "jaxtyping", "peft", "onnx", "onnxscript"}
WITHOUT_LEARNING = {"foundation", "faces", "attacks", "evaluation", "inference", "cli"}
NEVER = {"torchvision", "timm", "open_clip"}

LIGHT = {"torch", "transformers", "scipy", "matplotlib", "skimage", "sklearn", "jinja2", "accelerate",
         "safetensors", "pyarrow", "onnx", "jaxtyping", "huggingface_hub"}  # fmt: skip
"""Packages that the light install has not."""


@dataclass(frozen=True)
class Import:
    file: str
    line: int
    module: str
    is_lazy: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def room_of(place: str) -> str:
    """The room of `faces/crop.py` or of `bonaface.faces.crop`."""
    first = place.removeprefix("bonaface").removesuffix(".py").replace(".", "/").strip("/").split("/")[0]
    return first if first and (PACKAGE / first).is_dir() else "foundation"


def imports(tree: ast.AST, file: str, *, is_lazy: bool = False) -> Iterator[Import]:
    """Every import that runs, and whether only when a function does."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (Import(file, node.lineno, one.name, is_lazy) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: imports are written whole"
            names = [str(node.module)]
            if node.module == "bonaface" or (PACKAGE.parent / str(node.module).replace(".", "/")).is_dir():
                names = [f"{node.module}.{one.name}" for one in node.names]
            yield from (Import(file, node.lineno, name, is_lazy) for name in names)
        else:
            inside = is_lazy or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from imports(node, file, is_lazy=inside)


ALL = [
    one
    for path in FILES
    for one in imports(ast.parse(path.read_text(encoding="utf-8")), path.relative_to(PACKAGE).as_posix())
]


def test_the_reader_of_this_test_sees_imports():
    assert len(ALL) > 200
    known = {(one.file, one.module, one.is_lazy) for one in ALL}
    assert ("inference/session.py", "onnxruntime", False) in known
    assert ("cli/check.py", "bonaface.inference.gate", True) in known
    assert ("cli/check.py", "bonaface.inference.gate", False) not in known


def test_every_room_is_in_the_table():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms == set(BELOW) - {"foundation"}
    assert {path.stem for path in PACKAGE.glob("*.py")} == FOUNDATION


@pytest.mark.parametrize("room", BELOW)
def test_a_room_imports_what_is_below_it(room):
    wrong = []
    for one in ALL:
        if room_of(one.file) != room or not one.module.startswith("bonaface"):
            continue
        above = room_of(one.module) not in BELOW[room] | {room}
        if above and not (one.is_lazy and room in LAZY) and (one.file, one.module) not in EXCEPTIONS:
            wrong.append(str(one))
    assert wrong == []


def test_no_exception_is_left_over():
    assert {(one.file, one.module) for one in ALL} >= EXCEPTIONS


@pytest.mark.parametrize("room", sorted(WITHOUT_LEARNING))
def test_a_room_that_never_sees_torch(room):
    found = [str(one) for one in ALL if room_of(one.file) == room and one.module.split(".")[0] in LEARNING]
    assert found == []


def test_packages_that_nobody_imports():
    assert [str(one) for one in ALL if one.module.split(".")[0] in NEVER] == []


BLOCKED = f"""
import importlib.abc, sys, tempfile
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {LIGHT}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
sys.modules.pop("matplotlib", None)
"""
COMMANDS = """
import contextlib, importlib, io, pkgutil
import bonaface
for room in ("faces", "attacks", "inference", "evaluation", "cli"):
    package = importlib.import_module(f"bonaface.{room}")
    for found in pkgutil.walk_packages(package.__path__, f"bonaface.{room}."):
        importlib.import_module(found.name)
import bonaface.bundle, bonaface.data.manifest, bonaface.data.splits, bonaface.data.simulated
from bonaface.cli.main import run
def said(*words):
    sys.argv, err, out = ["bonaface", *words], io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(out):
            run()
    except SystemExit as end:
        return end.code, out.getvalue(), err.getvalue()
"""
LIGHT_JOB = """
bundle, picture, scores, folder = sys.argv[1:]
assert bonaface.load(bundle)(picture).outcome == "attack"
assert said("check", picture, "--bundle", bundle, "--json")[0] == 1
assert said("models", "show", bundle)[0] == 0
code, out, err = said("simulate", folder, folder + "-made", "--species", "print,faceswap,spsc")
assert code == 0, err
for words, extra in (
    (("simulate", folder, folder + "-adv", "--species", "adversarial", "--against", folder), "train"),
    (("compare", folder + "/plan.toml", "--out", folder), "train"),
    (("train", "nano", "--data", "m.csv", "--out", folder), "train"),
    (("export", folder, folder + "-bundle"), "train"),
    (("evaluate", scores, "--out", folder + "-out"), "report"),
    (("demo", "--bundle", bundle, "--out", folder + "-demo"), "demo"),
    (("evaluate", "nowhere.parquet"), None),
):
    code, out, err = said(*words)
    assert code == 2 and err.count("\\n") == 1, (words, code, err)
    assert extra is None or f"pip install 'bonaface[{extra}]'" in err, (words, err)
assert not set(sys.modules) & %r
""" % (LIGHT,)  # noqa: UP031 - braces are Python's here


def test_the_light_install_does_everything_but_learning(tiny, tmp_path):
    """Packages outside it are blocked; what needs them says which extra has them."""
    picture = Path(matplotlib.get_data_path()) / "sample_data/grace_hopper.jpg"
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces/hopper.jpg").write_bytes(picture.read_bytes())
    scores = tmp_path / "scores.csv"
    rows = [f"{i},{label},{species},s{i},{split},{score}," for i, (label, species, split, score) in enumerate(
        (label, species, split, score) for split in ("dev", "test")
        for label, species, score in (("bonafide", "bonafide", 0.1), ("attack", "print", 0.9))
    )]  # fmt: skip
    scores.write_text("\n".join(["sample,label,species,subject,split,attack_score,reason", *rows]) + "\n")
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + COMMANDS + LIGHT_JOB, tiny, picture, scores, tmp_path / "faces"],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
