"""What is written about the package is what it does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import bonaface

ROOT = Path(__file__).parents[2]


def module_from(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generator():
    return module_from(ROOT / "docs/generate_cli.py")


@pytest.fixture(scope="module")
def commands(generator):
    import typer.main

    return generator.commands(typer.main.get_command(generator.app), "bonaface")


def test_the_page_of_the_command_line_is_up_to_date(generator):
    assert generator.PAGE.read_text(encoding="utf-8") == generator.page(), "run: python docs/generate_cli.py"


def test_every_command_and_option_is_documented(commands):
    text = (ROOT / "README.md").read_text() + (ROOT / "docs/reference/cli.md").read_text()
    assert len(commands) >= 9
    for name, command in commands.items():
        assert name in text
        for parameter in command.params:
            if parameter.param_type_name == "option":
                for word in parameter.opts:
                    assert word == "--help" or f"`{word}`" in text, f"{name} {word}"


def test_every_option_says_what_it_is_for(commands):
    for name, command in commands.items():
        assert command.help, name
        for parameter in command.params:
            assert parameter.name == "help" or parameter.help, f"{name} {parameter.name}"


def test_commands_in_the_readme_are_commands(commands):
    text = (ROOT / "README.md").read_text()
    for line in re.findall(
        r"bonaface ((?:check|demo|simulate|train|evaluate|report|compare|calibrate|stress|router|import|export|models) ?[^`\n]*)",
        text,
    ):
        words = re.split(r"[\s`]+", line)
        name = f"bonaface {' '.join(words[: 2 if words[0] == 'models' else 1])}"
        assert name in commands
        known = {word for one in commands[name].params for word in one.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_the_changelog_starts_with_this_version():
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == bonaface.__version__
    assert len(versions) == len(set(versions))


def test_links_between_pages_lead_somewhere():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    later = "src/bonaface/bundles/nano"  # the embedded bundle lands when it is trained
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())
        if not (page.parent / target).exists() and not target.startswith(later)
    ]
    assert broken == []
