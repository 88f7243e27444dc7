"""The bundle: a folder with `model.onnx` and `bundle.json`, all that is deployed. Read, checked and written here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pydantic

from bonaface.contract import InputContract
from bonaface.digest import sha256_of
from bonaface.errors import BundleError, did_you_mean
from bonaface.vocabulary import Family

SCHEMA_VERSION = 1
CARD, CARD_TEXT, MODEL, REPORT = "bundle.json", "CARD.md", "model.onnx", "report.json"
UNFINISHED = ".unfinished-"
"""How the folder begins in which a bundle is written until it is whole; it is in the bundle's own."""

WEIGHTS = "weights.safetensors"
"""Beside the model, in bundles that training may go on from; judging never opens it."""

INPUT_NAME, OUTPUT_NAMES = "crop", ("attack_score", "family_scores")
SPECIES_OUTPUT = "species_scores"
"""A third output, of models that tell species apart."""

SELF_TEST_TOLERANCE = 1e-3
MAX_SIZE = 4096
MARGINS = (-0.4, 4.0)
"""Of a contract: from the middle fifth of the face to nine times its side."""


@dataclass(frozen=True, slots=True)
class StoredThreshold:
    """At or above `value` a picture is called an attack.

    Attributes:
        value: In [0, 1].
        low: Every value above it and up to `high` made the same errors where the threshold was chosen.
        high: See `low`.
        rule: How it was chosen.
        split: Where; None when it was not chosen on scores.
    """

    value: float
    low: float
    high: float
    rule: str
    split: str | None


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The model's file: its name in the folder, its length and its sha256."""

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What the model must answer to `self_test_crops`, within `SELF_TEST_TOLERANCE`."""

    attack_scores: tuple[float, ...]
    family_scores: tuple[tuple[float, ...], ...]
    species_scores: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class ToldSpecies:
    """Which species of attack the model tells apart, and how well: by cross-validation over people of dev.

    Attributes:
        names: The order of `species_scores`.
        rows: Attacks that it was tried on.
        people: In them.
        accuracy: Share of the attacks whose likeliest species is theirs.
        chance: That share for whoever always says the commonest.
        log_loss: Mean of -ln of the score of the true species.
        log_loss_of_shares: The same for whoever always gives the species' shares.
        penalty: On the weights, chosen by the log loss.
    """

    names: tuple[str, ...]
    rows: int
    people: int
    accuracy: float
    chance: float
    log_loss: float
    log_loss_of_shares: float
    penalty: float


@dataclass(frozen=True, slots=True)
class TrainingSource:
    """Pictures that the model has learned from, or that its epoch was chosen by."""

    source: str
    licence: str
    species: str
    count: int


@dataclass(frozen=True, slots=True)
class BundleCard:
    """`bundle.json`: everything about a deployed model but its weights.

    Attributes:
        name: Of the model, e.g. nano.
        version: Of this training of it.
        contract: How a picture becomes its input.
        threshold: Where attacks begin.
        labels: The class words, in the order of the two anchors.
        families: The order of `family_scores`; none where the model tells attacks, and not which.
        species: Species of attack it has seen, bonafide left out.
        simulated_species: Those of them that were simulated, never real.
        licence: Of the weights, an SPDX identifier.
        training_data: What it has learned from, and what its epoch was chosen by.
        training: Command, seed, time, hardware and versions.
        model: The model's file.
        self_test: Checked whenever the bundle is loaded.
        family_scales: What each family's log-odds are multiplied by in the graph; empty without calibration.
        family_offsets: What is added to them then.
        told_species: What the model says of an attack's species; None where it says nothing.
        operating_points: Other thresholds by name, chosen on dev like `threshold`; empty before anything is measured.
        report: The evaluation report's file in the folder; None before one is there.
        weights: The file of the weights that training goes on from; None where the bundle brings none.
        beside: As `training`, of a second detector that looks at the crop at a smaller size; None where there is none.
        notes: What a user must know.
        schema_version: Of this file's form.
    """

    __pydantic_config__: ClassVar[pydantic.ConfigDict] = pydantic.ConfigDict(extra="forbid")

    name: str
    version: str
    contract: InputContract
    threshold: StoredThreshold
    labels: tuple[str, ...]
    families: tuple[str, ...]
    species: tuple[str, ...]
    simulated_species: tuple[str, ...]
    licence: str
    training_data: tuple[TrainingSource, ...]
    training: Mapping[str, Any]
    model: ModelFile
    self_test: SelfTest
    family_scales: tuple[float, ...] = ()
    family_offsets: tuple[float, ...] = ()
    told_species: ToldSpecies | None = None
    operating_points: Mapping[str, StoredThreshold] = field(default_factory=dict)
    report: str | None = None
    weights: ModelFile | None = None
    beside: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    schema_version: int = field(default=SCHEMA_VERSION)

    @property
    def id(self) -> str:
        """Name and version, as verdicts carry them."""
        return f"{self.name} {self.version}"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what the model gives, in order."""
        return (*OUTPUT_NAMES, SPECIES_OUTPUT) if self.told_species else OUTPUT_NAMES

    def threshold_at(self, operating_point: str | None) -> StoredThreshold:
        """The threshold of a named operating point; the card's own when None.

        Raises:
            BundleError: If the bundle has no such operating point.
        """
        if operating_point is None:
            return self.threshold
        if operating_point not in self.operating_points:
            known = ", ".join(self.operating_points) or "none"
            raise BundleError(
                f"the operating point must be one of the bundle {self.id}: {known}; got '{operating_point}'"
                f"{did_you_mean(operating_point, self.operating_points)}"
            )
        return self.operating_points[operating_point]


DEFAULT = "small"
"""The embedded bundle that is used where none is named."""


def embedded_bundles() -> dict[str, Path]:
    """The folders of the bundles that come with the package, by name; the default first."""
    place = Path(__file__).parent / "bundles"
    names = (card.parent.name for card in place.glob(f"*/{CARD}"))
    return {name: place / name for name in sorted(names, key=lambda name: (name != DEFAULT, name))}


def bundle_folder(bundle: str | Path | None = None) -> Path:
    """The folder that is meant: that of an embedded bundle by its name, or by its path; the default's when None.

    A name that is also there in the working folder means what is there; the default is always the package's own.
    """
    if bundle is None:
        return embedded_bundles()[DEFAULT]
    place = Path(bundle)
    return place if place.exists() else embedded_bundles().get(str(bundle), place)


def check_there(folder: Path) -> None:
    """Raise `BundleError` unless there is something at the place that `bundle_folder` gave."""
    if not folder.exists():
        names = embedded_bundles()
        tail = did_you_mean(str(folder), names) or "; check the name or the path"
        raise BundleError(
            f"a bundle must be the name of an embedded one ({', '.join(names)}) or a bundle's folder; "
            f"got '{folder}', which is neither{tail}"
        )


def read_card(folder: Path) -> BundleCard:
    """Read and check `bundle.json`, and the model file's length and hash.

    Raises:
        BundleError: If something is missing, altered or of another form.
    """
    check_there(folder)
    path = folder / CARD
    if not path.is_file():
        raise BundleError(f"{folder} must be a bundle; it has no {CARD}; give the folder that export wrote")
    try:
        text = path.read_bytes()
        plain = json.loads(text)
    except (ValueError, RecursionError):
        raise BundleError(f"{path} must be JSON; it is not; get the bundle again") from None
    version = plain.get("schema_version") if isinstance(plain, dict) else None
    if version != SCHEMA_VERSION:
        raise BundleError(
            f"{path} must have schema_version {SCHEMA_VERSION}; it has {version}; update bonaface"
        )
    try:
        # as JSON, where strict means: lists are tuples, whole numbers are floats, nothing else is converted
        card = pydantic.TypeAdapter(BundleCard).validate_json(text, strict=True)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BundleError(f"{path}: {where}: {first['msg']}; get the bundle again") from None
    _check_values(path, card)
    check_model_file(folder, card.model)
    return card


def _check_values(path: Path, card: BundleCard) -> None:
    """Raise `BundleError` for values of the right type by which nothing could be judged."""
    for threshold in (card.threshold, *card.operating_points.values()):
        if not 0 <= threshold.low <= threshold.value <= threshold.high <= 1:
            raise BundleError(
                f"{path}: a threshold must be in [0, 1] and within its interval; got {threshold.value} in "
                f"[{threshold.low}, {threshold.high}]; get the bundle again"
            )
    _check_contract(path, card.contract)
    for family in card.families:
        if family not in set(Family):
            raise BundleError(
                f"{path}: families must be of {', '.join(Family)}; got '{family}'"
                f"{did_you_mean(family, Family) or '; get the bundle again'}"
            )
    if len(card.families) != len(set(card.families)):
        raise BundleError(f"{path}: families must be named once each; got {list(card.families)}")
    if any(len(row) != len(card.families) for row in card.self_test.family_scores):
        raise BundleError(
            f"{path}: self_test must have a score of each family, {', '.join(card.families) or 'of none'}; it has not; "
            f"get the bundle again"
        )
    told = card.told_species.names if card.told_species else ()
    if any(len(row) != len(told) for row in card.self_test.species_scores):
        raise BundleError(
            f"{path}: self_test must have a score of each species that is told, {', '.join(told) or 'of none'}; "
            f"it has not; get the bundle again"
        )


def _check_contract(path: Path, contract: InputContract) -> None:
    """Raise `BundleError` for a contract by which something else than the face would be cut."""
    through = contract.size if contract.through_size is None else contract.through_size
    for name, value in (("size", contract.size), ("through_size", through)):
        if not 1 <= value <= MAX_SIZE:
            raise BundleError(
                f"{path}: contract.{name} must be 1 to {MAX_SIZE} pixels; got {value}; get the bundle again"
            )
    least, most = MARGINS
    if not least <= contract.margin_ratio <= most:
        raise BundleError(
            f"{path}: contract.margin_ratio must be {least} to {most}; got {contract.margin_ratio}; get the bundle again"
        )
    if contract.min_face_px < 1:
        raise BundleError(
            f"{path}: contract.min_face_px must be at least 1; got {contract.min_face_px}; get the bundle again"
        )


def check_model_file(folder: Path, model: ModelFile) -> None:
    """Raise `BundleError` unless a file of the model is in the folder itself, with its length and hash."""
    path = folder / model.file
    if Path(model.file).name != model.file or not path.is_file():
        raise BundleError(f"{folder} must have the model file {model.file}; it has not; get the bundle again")
    length = path.stat().st_size
    if length != model.bytes:
        raise BundleError(
            f"{path} must have {model.bytes} bytes; it has {length}; it was altered or cut; get the bundle again"
        )
    found = sha256_of(path)
    if found != model.sha256:
        raise BundleError(
            f"{path} must have the sha256 {model.sha256[:12]}...; it has {found[:12]}...; it was altered or cut; "
            f"get the bundle again"
        )


def check_free(folder: Path) -> None:
    """Raise `BundleError` unless the folder is new, empty or a bundle's, which may be replaced."""
    held = (
        [path for path in folder.iterdir() if not path.name.startswith(UNFINISHED)] if folder.is_dir() else []
    )
    if folder.is_file() or (held and not (folder / CARD).is_file()):
        raise BundleError(
            f"{folder} must be a new folder, an empty one or a bundle; it is none; choose another"
        )


def cleared(folder: Path) -> None:
    """Make the folder of a bundle, without what an earlier one in it may have had.

    Raises:
        BundleError: If it holds other files.
    """
    check_free(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in (REPORT, WEIGHTS):
        (folder / stale).unlink(missing_ok=True)


def write_card(folder: Path, card: BundleCard) -> None:
    """Write `bundle.json`."""
    text = json.dumps(asdict(card), indent=2, ensure_ascii=False)
    (folder / CARD).write_text(text + "\n", encoding="utf-8")


def describe_model(path: Path) -> ModelFile:
    """Name, length and hash of a model file."""
    return ModelFile(path.name, path.stat().st_size, sha256_of(path))


def self_test_crops(size: int) -> npt.NDArray[np.uint8]:
    """Four made-up crops, (4, size, size, 3) uint8, from whole numbers alone: the same bytes on every machine."""
    y, x, c = np.meshgrid(np.arange(size), np.arange(size), np.arange(3), indexing="ij")
    centre = size // 2
    radius = (x - centre) ** 2 + (y - centre) ** 2
    ramp = 40 + (x * 120) // size + 15 * c
    patterns = (
        ramp + (y * 60) // size,
        200 - (radius * 300) // (size * size) - 12 * c,
        ramp + 25 * ((x // 3 + y // 3) % 2),
        120 + ((x * x * 7 + y * y * 13 + x * y * (3 + c)) >> 3) % 64 - 20 * c,
    )
    return np.stack([np.clip(pattern, 0, 255) for pattern in patterns]).astype(np.uint8)


def check_self_test(card: BundleCard, *scores: npt.ArrayLike) -> None:
    """Raise `BundleError` unless the scores of `self_test_crops`, in the order of `card.outputs`, are those of the card."""
    test = card.self_test
    wanted = (test.attack_scores, test.family_scores, test.species_scores)
    for name, got, want in zip(card.outputs, scores, wanted, strict=False):
        found, expected = np.asarray(got, float), np.asarray(want, float)
        if found.shape != expected.shape or not np.all(np.abs(found - expected) <= SELF_TEST_TOLERANCE):
            raise BundleError(
                f"the bundle {card.id} must give its own self-test scores; its {name} differs on this machine; "
                f"get the bundle again, or another onnxruntime"
            )
