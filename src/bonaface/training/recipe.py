"""A run is a function that returns a recipe: everything that decides the result, as frozen data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Literal

import pydantic

from bonaface.contract import InputContract
from bonaface.data.augmentation import Augmentation
from bonaface.data.dataset import Mixture
from bonaface.errors import RecipeError, did_you_mean
from bonaface.models.nano import NanoConfig


@dataclass(frozen=True, slots=True)
class Optimisation:
    """How weights move.

    Attributes:
        lr_new: Peak learning rate of parameters that start from scratch.
        lr_pretrained: Of those that come trained.
        weight_decay: AdamW's, on matrices and kernels; never on biases, norms, gates and scales.
        warmup_share: Share of all steps over which the rate rises; then it falls to 0 as a cosine.
        label_smoothing: Targets are this far from 0 and 1.
        combined_weight: Weight of the loss on the combined score beside that of the families.
        clip_norm: Gradients longer than this are shortened to it.
        ema_decay: Of the averaged weights, which are the ones judged and saved.
    """

    lr_new: float = 1.2e-3
    lr_pretrained: float = 1e-6
    weight_decay: float = 0.05
    warmup_share: float = 0.05
    label_smoothing: float = 0.02
    combined_weight: float = 0.5
    clip_norm: float = 1.0
    ema_decay: float = 0.998


@dataclass(frozen=True, slots=True)
class Recipe:
    """A full training run but for the place of its data.

    Attributes:
        name: As `bonaface train NAME` says it.
        model: Settings of the detector.
        contract: How pictures become its input.
        mixture: What an epoch is made of.
        augmentation: Changes drawn alike for every class.
        optimisation: How weights move.
        epochs: Passes of `samples_per_epoch` samples.
        samples_per_epoch: Drawn afresh for every epoch.
        batch_size: Samples a step and process.
        num_workers: Processes that make samples beside the loop.
        seed: The same seed gives the same samples in the same order.
        is_mirrored: Whether the exported model judges every crop together with its mirror image.
        mixed_precision: `bf16` forms the model's products in bfloat16; weights and losses stay float32.

    Raises:
        RecipeError: If a count is below 1, or the model's input is not the contract's crop.
    """

    name: str
    model: NanoConfig = field(default_factory=NanoConfig)
    contract: InputContract = field(default_factory=InputContract)
    mixture: Mixture = field(default_factory=Mixture)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimisation: Optimisation = field(default_factory=Optimisation)
    epochs: int = 30
    samples_per_epoch: int = 3600
    batch_size: int = 32
    num_workers: int = 2
    seed: int = 0
    is_mirrored: bool = True
    mixed_precision: Literal["no", "bf16"] = "no"

    def __post_init__(self) -> None:
        for name in ("epochs", "samples_per_epoch", "batch_size"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.model.image_size != self.contract.size:
            raise RecipeError(
                f"model.image_size and contract.size must be equal; "
                f"got {self.model.image_size} and {self.contract.size}; set both"
            )


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """Plain values, ready for JSON; `from_dict` is the way back."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return plain


def from_dict(plain: Mapping[str, Any]) -> Recipe:
    """The recipe of `to_dict`.

    Raises:
        RecipeError: If a value does not fit its type, or a word is unknown or missing.
    """
    _refuse_unknown(Recipe, plain, "")
    try:
        # as JSON, where strict means: lists are tuples, whole numbers are floats, nothing else is converted
        return pydantic.TypeAdapter(Recipe).validate_json(json.dumps(dict(plain)), strict=True)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where, came = ".".join(map(str, first["loc"])), f"; got {first['input']!r}"
        raise RecipeError(f"{where}: {first['msg']}{'' if first['type'] == 'missing' else came}") from None


def overridden(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with `a.b=value` settings applied, values in JSON or plain words.

    >>> from bonaface.training.recipes import recipe_named
    >>> overridden(recipe_named("nano"), ["optimisation.lr_new=0.001"]).optimisation.lr_new
    0.001

    Raises:
        RecipeError: If a setting is no `key=value`, its key is unknown, or its value does not fit.
    """
    plain = to_dict(recipe)
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise RecipeError(f"a setting must be written key=value; got '{setting}'")
        *parents, last = key.split(".")
        place = plain
        for number, word in enumerate([*parents, last]):
            # any attack may get a share, any simulation a choice of variants
            is_open = number == len(parents) and parents[-1:] in (["shares"], ["variants"])
            if not isinstance(place, dict) or (word not in place and not is_open):
                known = ", ".join(place) if isinstance(place, dict) else "nothing below it"
                near = did_you_mean(word, place) if isinstance(place, dict) else ""
                at = ".".join(parents[:number]) or "the recipe"
                raise RecipeError(f"{at} has {known}; got '{word}' in '{setting}'{near}")
            if number < len(parents):
                place = place[word]
        place[last] = _value(text)
    return from_dict(plain)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _refuse_unknown(kind: type, plain: Mapping[str, Any], at: str) -> None:
    known = {f.name: f for f in fields(kind)}
    for word, value in plain.items():
        if word not in known:
            raise RecipeError(
                f"{at or 'the recipe'} has {', '.join(known)}; got '{word}'{did_you_mean(word, known)}"
            )
        inner = _dataclass_of(known[word])
        if inner is not None and isinstance(value, Mapping):
            _refuse_unknown(inner, value, f"{at}.{word}".lstrip("."))


def _dataclass_of(one: Any) -> type | None:
    """The dataclass that a field is filled with by default, if it is one."""
    default = one.default_factory() if callable(one.default_factory) else None
    return type(default) if is_dataclass(default) else None
