"""Write `docs/reference/cli.md` from the commands themselves: python docs/generate_cli.py."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import typer.main

from bonaface.cli.main import app

PAGE = Path(__file__).parent / "reference" / "cli.md"
HEAD = """# The command line

Written by `python docs/generate_cli.py` from the commands themselves; change their help, not this page.

Results go to stdout, everything else to stderr. What a person can mend is one sentence on stderr and exit code 2.
"""


def page() -> str:
    """The whole page in Markdown."""
    root = typer.main.get_command(app)
    return "\n".join([HEAD, *_sections(root, "bonaface")])


def commands(command: Any, name: str) -> dict[str, Any]:
    """Every command that does something, by its full name."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return {name: command}
    return {
        full: one for word, part in inner.items() for full, one in commands(part, f"{name} {word}").items()
    }


def _sections(root: Any, name: str) -> list[str]:
    shared = [_table("option", root.params, is_option=True)]
    return [*shared, *(_section(full, command) for full, command in commands(root, name).items())]


def _section(name: str, command: Any) -> str:
    tables = [_table(title, command.params, is_option=title == "option") for title in ("argument", "option")]
    words = [name, *(["[OPTIONS]"] if tables[1] else [])]
    words += [_shape(one) for one in command.params if one.param_type_name == "argument"]
    parts = [
        f"## {name}",
        f"```\n{' '.join(words)}\n```",
        inspect.cleandoc(command.help or ""),
        *filter(None, tables),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _shape(argument: Any) -> str:
    word = argument.name.upper()
    word = f"{word}..." if argument.nargs == -1 else word
    return word if argument.required else f"[{word}]"


def _table(title: str, parameters: list[Any], *, is_option: bool) -> str:
    chosen = [
        one for one in parameters if (one.param_type_name == "option") == is_option and one.name != "help"
    ]
    if not chosen:
        return ""
    rows = [f"| {_name(one)} | {one.help or ''} | {_default(one)} |" for one in chosen]
    return "\n".join([f"| {title} | meaning | default |", "|---|---|---|", *rows, ""])


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_shape(parameter)}`"
    return ", ".join(f"`{word}`" for word in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    return "" if value is None or value is False or value == [] else f"`{value}`"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
