"""Recipes by name: each a function whose docstring states the command, the hardware, the time and the result."""

from __future__ import annotations

from collections.abc import Callable

from bonaface.errors import RecipeError, did_you_mean
from bonaface.training.recipe import Recipe
from bonaface.training.recipes.baselines import linear_probe, zero_shot
from bonaface.training.recipes.clip import paper, practical
from bonaface.training.recipes.nano import (
    nano,
    nano_broad,
    nano_broad_finish,
    nano_cells,
    nano_cells_finish,
    nano_finish,
    nano_masked,
    nano_steady,
)
from bonaface.training.recipes.nano_distances import nano_distances, nano_distances_finish
from bonaface.training.recipes.resnet import resnet, resnet_spsc, resnet_spsc_challenge
from bonaface.training.recipes.small import (
    small,
    small_denoised_finish,
    small_direct,
    small_direct_finish,
    small_direct_start,
    small_distances,
    small_distances_finish,
    small_filters_finish,
    small_finish,
    small_steady,
    small_steady_finish,
    small_steady_start,
)
from bonaface.training.recipes.told import (
    nano_told_finish,
    small_told_finish,
    told_further,
    told_start,
)

RECIPES: dict[str, Callable[[], Recipe]] = {
    recipe.__name__: recipe
    for recipe in (
        nano,
        nano_masked,
        nano_finish,
        nano_broad,
        nano_broad_finish,
        nano_cells,
        nano_cells_finish,
        nano_steady,
        nano_distances,
        nano_distances_finish,
        told_start,
        told_further,
        nano_told_finish,
        small_told_finish,
        small,
        small_finish,
        small_direct_start,
        small_direct,
        small_direct_finish,
        small_steady_start,
        small_steady,
        small_distances,
        small_distances_finish,
        small_denoised_finish,
        small_filters_finish,
        small_steady_finish,
        paper,
        practical,
        zero_shot,
        linear_probe,
        resnet,
        resnet_spsc,
        resnet_spsc_challenge,
    )
}


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
