"""The plan of a comparison: recipes, protocols and seeds in one TOML file, and the runs that they make."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bonaface.errors import RecipeError, did_you_mean
from bonaface.training.cell import Cell
from bonaface.training.recipe import Recipe, overridden
from bonaface.training.recipes import recipe_named

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What recipes, protocols and parts may be called: they become folders."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is compared.

    Attributes:
        recipes: By name, in order; the first is the baseline.
        protocols: By name, each one's manifests by the name of the part; one empty name where there is one manifest.
        seeds: Of the runs of every recipe.
    """

    recipes: Mapping[str, Recipe]
    protocols: Mapping[str, Mapping[str, Path]]
    seeds: tuple[int, ...]

    def cells(self) -> tuple[Cell, ...]:
        """Every run, seed by seed: a comparison that is stopped early has something of everything."""
        return tuple(
            Cell(name, protocol, part, replace(recipe, seed=seed), manifest)
            for seed in self.seeds
            for protocol, parts in self.protocols.items()
            for part, manifest in parts.items()
            for name, recipe in self.recipes.items()
        )


def read_plan(path: Path) -> Plan:
    """The plan in a TOML file; manifests are relative to its folder.

    Raises:
        RecipeError: If it is no TOML, a word is unknown or missing, or a recipe or a setting does not exist.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path} must be a plan in TOML; it does not exist; check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} must be a plan in TOML; it is not ({error}); mend it") from None
    _known(plain, ("recipes", "protocols", "seeds", "settings"), f"{path}")
    settings = _settings(plain, f"{path}")
    recipes = {
        name: _recipe(name, one, settings, f"{path}: recipes.{name}")
        for name, one in _tables(plain, "recipes", path)
    }
    protocols = {
        name: _parts(one, path.parent, f"{path}: protocols.{name}")
        for name, one in _tables(plain, "protocols", path)
    }
    return Plan(recipes, protocols, _seeds(plain.get("seeds", [0]), path))


def _tables(plain: Mapping[str, Any], what: str, path: Path) -> Iterator[tuple[str, Any]]:
    """What stands below `what`, by its name."""
    held = plain.get(what)
    if not isinstance(held, dict) or not held:
        example = 'S1 = "S1.csv"' if what == "protocols" else 'plain = {recipe = "nano"}'
        raise RecipeError(f"{path} must have a table [{what}] with an entry; it has none; add e.g. {example}")
    for name, one in held.items():
        _check_name(name, f"{path}: {what}")
        yield name, one


def _check_name(name: str, where: str) -> None:
    if not _NAME.fullmatch(name):
        raise RecipeError(
            f"{where}: a name must be of letters, digits, '.', '_' and '-', since it names a folder; got '{name}'"
        )


def _recipe(name: str, one: Any, settings: Sequence[str], where: str) -> Recipe:
    if not isinstance(one, dict):
        raise RecipeError(f"{where} must be a table with recipe and settings; got {one!r}")
    _known(one, ("recipe", "settings"), where)
    chosen = one.get("recipe", name)
    if not isinstance(chosen, str):
        raise RecipeError(f"{where}.recipe must be the name of a recipe; got {chosen!r}")
    try:
        return overridden(recipe_named(chosen), [*settings, *_settings(one, where)])
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None


def _parts(one: Any, folder: Path, where: str) -> dict[str, Path]:
    parts = {"": one} if isinstance(one, str) else one
    if not isinstance(parts, dict) or not parts or not all(isinstance(text, str) for text in parts.values()):
        raise RecipeError(f"{where} must be a manifest, or a table of manifests by part; got {one!r}")
    for part in parts:
        if part or parts is one:
            _check_name(part, where)
    return {part: folder / text for part, text in parts.items()}


def _seeds(held: Any, path: Path) -> tuple[int, ...]:
    is_list = isinstance(held, list) and held and all(type(seed) is int for seed in held)
    if not is_list or len(set(held)) < len(held):
        raise RecipeError(f"{path}: seeds must be a list of different whole numbers; got {held!r}")
    return tuple(held)


def _settings(plain: Mapping[str, Any], where: str) -> list[str]:
    held = plain.get("settings", [])
    if not isinstance(held, list) or not all(isinstance(text, str) for text in held):
        raise RecipeError(f"{where}: settings must be a list of texts key=value, as --set; got {held!r}")
    return held


def _known(plain: Mapping[str, Any], words: Sequence[str], where: str) -> None:
    for word in plain:
        if word not in words:
            raise RecipeError(f"{where} has {', '.join(words)}; got '{word}'{did_you_mean(word, words)}")
