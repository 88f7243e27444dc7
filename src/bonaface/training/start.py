"""What a new run starts from: the best weights of another run, or those that a bundle has brought."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pydantic
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bonaface.bundle import CARD, bundle_folder, check_model_file, read_card
from bonaface.errors import CheckpointError, RecipeError
from bonaface.training.checkpoint import BEST, load_checkpoint
from bonaface.training.recipe import Recipe
from bonaface.training.record import Record, read_record


@dataclass(frozen=True, slots=True)
class Start:
    """Weights, and how they were made.

    Attributes:
        weights: The model's tensors by name.
        record: Of the run that made them; None where it is not told.
    """

    weights: dict[str, Tensor]
    record: Record | None


def start_of(place: Path) -> Start:
    """Read the weights of a run's folder, of a bundle's folder, or of an embedded bundle by its name.

    Raises:
        CheckpointError: If there are none, or they are cut or altered.
        BundleError: If the bundle is not whole.
    """
    folder = bundle_folder(place)
    if (folder / CARD).is_file():
        return _of_bundle(folder)
    return Start(load_checkpoint(place / BEST).weights, read_record(place))


def _of_bundle(folder: Path) -> Start:
    card = read_card(folder)
    if card.weights is None:
        raise CheckpointError(
            f"{folder} brings no weights to go on from; start from its run, or export that with --trainable"
        )
    check_model_file(folder, card.weights)
    try:
        weights = load_file(folder / card.weights.file)
        plain = json.dumps(dict(card.training))
        record = pydantic.TypeAdapter(Record).validate_json(plain) if card.training else None
    except (SafetensorError, pydantic.ValidationError):
        raise CheckpointError(
            f"{folder} holds weights or a record that can not be read; get it again"
        ) from None
    return Start(weights, record)


def check_start(recipe: Recipe, *, is_given: bool) -> None:
    """Refuse a new run that shall keep a share of weights that it does not start from; as quick.

    Raises:
        RecipeError: If there are none.
    """
    if recipe.optimisation.start_share and not is_given:
        raise RecipeError(
            "optimisation.start_share wants weights to start from; give --start-from, or set it to 0"
        )
