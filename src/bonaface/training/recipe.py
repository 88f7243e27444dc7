"""A run is a function that returns a recipe: everything that decides the result, as frozen data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Annotated, Any, Literal, get_args, get_type_hints

import pydantic

from bonaface.contract import InputContract
from bonaface.data.augmentation import Augmentation
from bonaface.data.clue_schedule import Clues
from bonaface.data.dataset import Mixture
from bonaface.data.masking import Masking
from bonaface.data.pairs import Pairs
from bonaface.errors import RecipeError, did_you_mean
from bonaface.models.architecture import KINDS, Architecture
from bonaface.models.nano import NanoConfig
from bonaface.vocabulary import FAMILIES


@dataclass(frozen=True, slots=True)
class Simulated:
    """Scenes drawn by the recipe's `mixture` and `augmentation`, most attacks simulated on them.

    Attributes:
        kind: Tells the kinds of data apart.
        kept_pairs: How many pairs are drawn, kept on disk and shown again and again, mirrored or not; 0 = every sample is
            drawn afresh. A kept pair takes 6 * size * size bytes and is read in a tenth of the time.
    """

    kind: Literal["simulated"] = "simulated"
    kept_pairs: int = 0


Data = Annotated[Simulated | Pairs | Clues, pydantic.Discriminator("kind")]
"""What an epoch is made of."""

UNIONS: Mapping[str, Mapping[str, type]] = {
    "model": KINDS,
    "data": {"simulated": Simulated, "pairs": Pairs, "clues": Clues},
}
"""Settings of a recipe that are of one of several kinds."""


@dataclass(frozen=True, slots=True)
class Optimisation:
    """How weights move.

    Attributes:
        kind: `adamw`: weight decay apart from the gradient, on matrices and kernels, never on biases, norms, gates and
            scales; `adam_l2`: as a part of the gradient, on every parameter, as torch's Adam has it; `muon`: as `adamw`, but
            the matrices of blocks move by their gradients made orthogonal, see `training.muon`.
        lr_new: Peak learning rate of parameters that start from scratch.
        lr_pretrained: Of those that come trained.
        betas: Of the running means of gradients and of their squares.
        weight_decay: See `kind`.
        warmup_share: Share of all steps over which the rate rises; then it falls to 0 as a cosine.
        scheduled_by: Whether the rate changes with every step or with every epoch.
        accumulation: Batches whose gradients make one step.
        is_recomputed: Whether blocks forget their activations and compute them again for the gradient: less memory,
            more time.
        label_smoothing: Targets are this far from 0 and 1.
        combined_weight: Weight of the loss on the combined score beside that of the families.
        cell_weight: Weight of the loss on the evidence of cells, where the model judges them.
        species_weight: Weight of the loss on which species crops and cells are of, where the model tells them.
        twin_weight: Weight of the loss on how far an attack's evidence stands above its bona fide twin's; 0 = none.
        class_regularisation: Weight of the loss that draws classes together and apart; 0 = none.
        clip_norm: Gradients longer than this are shortened to it; 0 = none are.
        ema_decay: Of the averaged weights, which are the ones judged and saved; 0 = the last ones are.
        start_share: Of the weights that training started from, in those judged and saved; 0 = none. See `training.average`.

    Raises:
        RecipeError: If a share is outside of [0, 1].
    """

    kind: Literal["adamw", "adam_l2", "muon"] = "adamw"
    lr_new: float = 1.2e-3
    lr_pretrained: float = 1e-6
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.05
    warmup_share: float = 0.05
    scheduled_by: Literal["step", "epoch"] = "step"
    accumulation: int = 1
    is_recomputed: bool = False
    label_smoothing: float = 0.02
    combined_weight: float = 0.5
    cell_weight: float = 1.0
    species_weight: float = 0.3
    twin_weight: float = 0.0
    class_regularisation: float = 0.0
    clip_norm: float = 1.0
    ema_decay: float = 0.998
    start_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.start_share <= 1:
            raise RecipeError(f"optimisation.start_share must be between 0 and 1; got {self.start_share}")


@dataclass(frozen=True, slots=True)
class Teaching:
    """What trained detectors say of a sample, beside its label; see `training.distillation`.

    Attributes:
        teachers: Folders of runs; of several the mean log-odds are learned from.
        weight: Of their part of the loss; the labels have the rest.
        temperature: By which log-odds are softened.
    """

    teachers: tuple[str, ...] = ()
    weight: float = 0.5
    temperature: float = 2.0

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise RecipeError(f"distillation.weight must be between 0 and 1; got {self.weight}")
        if not self.temperature > 0:
            raise RecipeError(f"distillation.temperature must be above 0; got {self.temperature}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A full training run but for the place of its data.

    Attributes:
        name: As `bonaface train NAME` says it.
        model: Settings of the detector.
        contract: How pictures become its input.
        data: Where samples come from.
        mixture: What an epoch of simulated data is made of.
        augmentation: Its changes drawn alike for every class.
        optimisation: How weights move.
        epochs: Passes over the data.
        samples_per_epoch: Drawn afresh for every epoch of simulated data; pairs, and pictures with clues, come all in
            every epoch.
        batch_size: Samples a step and process.
        num_workers: Processes that make samples beside the loop.
        seed: The same seed gives the same samples in the same order.
        is_mirrored: Whether the exported model judges every crop together with its mirror image.
        mixed_precision: `bf16` forms the model's products in bfloat16; weights and losses stay float32.
        kept: Which epoch's weights are kept as `best`: the best on dev, or the last.
        masking: What is hidden of genuine faces to be guessed; nothing is learned of attacks then, and a run of attacks starts
            from this one. None = evidence of attack is learned.
        distillation: Trained detectors that are learned from beside the labels; None = none are.

    Raises:
        RecipeError: If a count is below 1, the model's input is not the contract's crop, or data and contract do not
            fit.
    """

    name: str
    model: Architecture = field(default_factory=NanoConfig)
    contract: InputContract = field(default_factory=InputContract)
    data: Data = field(default_factory=Simulated)
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
    kept: Literal["best", "last"] = "best"
    masking: Masking | None = None
    distillation: Teaching | None = None

    @property
    def class_weights(self) -> tuple[float, float]:
        """Of bona fide and attack samples in the loss."""
        return self.data.class_weights if isinstance(self.data, Clues) else (1.0, 1.0)

    def __post_init__(self) -> None:
        for name in ("epochs", "samples_per_epoch", "batch_size"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.model.image_size != self.contract.size:
            raise RecipeError(
                f"model.image_size and contract.size must be equal; "
                f"got {self.model.image_size} and {self.contract.size}; set both"
            )
        self._check_data()
        if self.optimisation.accumulation < 1:
            raise RecipeError(
                f"optimisation.accumulation must be at least 1; got {self.optimisation.accumulation}"
            )

    def of_size(self, size: int) -> Recipe:
        """The same recipe on crops whose side is `size` pixels."""
        model, contract = replace(self.model, image_size=size), replace(self.contract, size=size)
        return replace(self, model=model, contract=contract)

    @property
    def draws_afresh(self) -> bool:
        """Whether every sample is simulated anew."""
        return isinstance(self.data, Simulated) and not self.data.kept_pairs

    @property
    def judges_cells(self) -> bool:
        """Whether the model says where an attack is."""
        return isinstance(self.model, NanoConfig) and self.model.judges_cells

    @property
    def tells_species(self) -> bool:
        """Whether the model says which species a sample is of, for training to learn from."""
        return isinstance(self.model, NanoConfig) and self.model.tells_species

    def _check_data(self) -> None:
        is_stored, finder = not isinstance(self.data, Simulated), self.contract.finder
        if is_stored != (finder == "whole"):
            wanted = (
                f"'whole', {self.data.kind} are used as they are" if is_stored else "one that finds faces"
            )
            raise RecipeError(
                f"contract.finder must be {wanted}; got '{finder}'; set data.kind or contract.finder"
            )
        if isinstance(self.data, Simulated) and self.data.kept_pairs < 0:
            raise RecipeError(f"data.kept_pairs must be at least 0; got {self.data.kept_pairs}")
        if self.masking is not None and not self.draws_afresh:
            raise RecipeError(
                "masking wants faces drawn afresh; set data to simulated with data.kept_pairs=0, or masking to null"
            )
        if self.masking is not None and self.distillation is not None:
            raise RecipeError(
                "masking and distillation must not meet: hidden cells are guessed without a teacher; set one of them to null"
            )
        if self.masking is not None and self.optimisation.start_share > 0:
            raise RecipeError(
                "optimisation.start_share must be 0 with masking: what has guessed hidden cells is only a start; set one of the two"
            )
        compares_twins = self.judges_cells or self.optimisation.twin_weight > 0
        if (isinstance(self.data, Pairs) or compares_twins) and self.batch_size % 2:
            raise RecipeError(f"batch_size must be even, for whole pairs; got {self.batch_size}")
        if is_stored and self.judges_cells:
            raise RecipeError(
                f"model.judges_cells must be false with {self.data.kind}, whose pictures are no twins; set one of the two"
            )
        if is_stored and self.optimisation.twin_weight > 0:
            raise RecipeError(
                f"optimisation.twin_weight must be 0 with {self.data.kind}, whose pictures are no twins; set one of the two"
            )
        if compares_twins and self.model.num_families < len(FAMILIES):
            raise RecipeError(
                "model.num_families must be 2 where twins are compared, family by family; got 1; set it to 2, or "
                "optimisation.twin_weight to 0 and model.judges_cells to false"
            )
        if isinstance(self.data, Clues) and self.data.is_dev_merged and self.kept == "best":
            raise RecipeError(
                "kept must be 'last' where dev is learned from: it can not choose an epoch; got 'best'; set kept=last"
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
        # a union's tag is part of the place for pydantic, and of no key
        head, *rest = map(str, first["loc"])
        where, came = ".".join([head, *rest[head in UNIONS :]]), f"; got {first['input']!r}"
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
        value = _value(text)
        if last == "kind" and "".join(parents) in UNIONS and value != place["kind"]:
            place.clear()  # what is set of one kind means nothing to another
        place[last] = value
    return from_dict(plain)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _refuse_unknown(kind: type, plain: Mapping[str, Any], at: str) -> None:
    known = [one.name for one in fields(kind)]
    for word, value in plain.items():
        if word not in known:
            raise RecipeError(
                f"{at or 'the recipe'} has {', '.join(known)}; got '{word}'{did_you_mean(word, known)}"
            )
        inner = _dataclass_of(kind, word, value)
        if inner is not None and isinstance(value, Mapping):
            _refuse_unknown(inner, value, f"{at}.{word}".lstrip("."))


def _dataclass_of(holder: type, name: str, plain: Any) -> type | None:
    """The dataclass that a field holds, if it may hold one: of the kind that its plain value says, or the only one there is."""
    if name in UNIONS and isinstance(plain, Mapping):
        kinds = UNIONS[name]
        kind = str(plain.get("kind", next(iter(kinds))))
        if kind not in kinds:
            raise RecipeError(
                f"{name}.kind must be one of {', '.join(kinds)}; got '{kind}'{did_you_mean(kind, kinds)}"
            )
        return kinds[kind]
    hint = get_type_hints(holder)[name]
    return next((one for one in (hint, *get_args(hint)) if is_dataclass(one)), None)  # type: ignore[return-value]
