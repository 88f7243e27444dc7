"""Recipes by name: each a function whose docstring states the command, the hardware, the time and the result."""

from __future__ import annotations

from collections.abc import Callable

from bonaface.errors import RecipeError, did_you_mean
from bonaface.training.recipe import Recipe
from bonaface.training.recipes.nano import nano, nano_finish, nano_last

RECIPES: dict[str, Callable[[], Recipe]] = {"nano": nano, "nano_finish": nano_finish, "nano_last": nano_last}


def recipe_named(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        RecipeError: If there is none.
    """
    if name not in RECIPES:
        raise RecipeError(
            f"the recipe must be one of {', '.join(RECIPES)}; got '{name}'{did_you_mean(name, RECIPES)}"
        )
    return RECIPES[name]()
