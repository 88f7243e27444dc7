"""House rules about files, names and errors, and the examples in docstrings."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import bonaface
from bonaface import errors

PACKAGE = Path(bonaface.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
MODULES = sorted(one.name for one in pkgutil.walk_packages(bonaface.__path__, "bonaface."))

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 75
FORBIDDEN = {"utils", "util", "common", "helpers", "helper", "base", "core", "misc", "tools"}


def test_public_names():
    assert bonaface.__all__ == [
        "Box", "Family", "Gate", "Label", "Outcome", "Reason", "Verdict", "__version__", "load",
    ]  # fmt: skip
    for name in bonaface.__all__:
        assert getattr(bonaface, name) is not None
    assert inspect.signature(bonaface.load).parameters.keys() == {
        "bundle",
        "operating_point",
        "yunet",
        "num_threads",
    }


def test_files_are_one_thought():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {str(path): n for path, n in lines.items() if n > MAX_FILE_LINES} == {}


def test_functions_are_short():
    long = {
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_names_say_something():
    assert [str(path) for path in PACKAGE.rglob("*") if path.stem in FORBIDDEN] == []


def test_every_module_says_what_it_is():
    assert [str(path) for path, tree in TREES.items() if not ast.get_docstring(tree)] == []


ERRORS = [
    name
    for name, one in vars(errors).items()
    if isinstance(one, type) and issubclass(one, Exception) and one.__module__ == errors.__name__
]


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_raised_somewhere(name):
    calls = (
        node
        for path, tree in TREES.items()
        if path.name != "errors.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    )
    assert any(getattr(node.func, "id", None) == name for node in calls)


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_a_bonaface_error(name):
    assert issubclass(getattr(errors, name), errors.BonafaceError)


def test_nothing_is_printed_by_the_library():
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path, tree in TREES.items()
        if path.parent.name != "cli"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "print"
    ]
    assert found == []


def test_examples_in_docstrings_run():
    attempted = 0
    for name in ("bonaface", *MODULES):
        result = doctest.testmod(importlib.import_module(name))
        assert not result.failed, name
        attempted += result.attempted
    assert attempted > 10
