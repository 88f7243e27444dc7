"""What a bundle records of itself, as parts of its model card: the file, the training, the pictures, the species."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bonaface.bundle import SELF_TEST_TOLERANCE, BundleCard
from bonaface.evaluation.markup import code, table
from bonaface.evaluation.wording import NOT_KNOWN, decimal
from bonaface.vocabulary import BONAFIDE, SPECIES, known_species

NOT_RECORDED = "not recorded"


def details(card: BundleCard) -> str:
    """The model, its file and its training, a fact a row."""
    return table(("what", "as recorded"), [*_model_rows(card), *_training_rows(card)], num_words=2)


def _model_rows(card: BundleCard) -> list[tuple[str, str]]:
    contract, file, tests = card.contract, card.model, len(card.self_test.attack_scores)
    pictures = [name for name in card.species if name not in card.simulated_species]
    size = f"crop {contract.size} x {contract.size}, uint8 RGB"
    return [
        ("version", card.version),
        ("licence of the weights", card.licence),
        ("input", f"{size}; faces by {contract.finder}, margin {contract.margin_ratio:g}"),
        ("operating points", _points(card)),
        ("calibration, fitted on dev", _family_lines(card)),
        ("species of an attack, told on dev people", _told(card)),
        ("file", f"{file.file}, {file.bytes / 1e6:.2f} MB"),
        ("sha256", file.sha256),
        ("self test", f"{tests} made-up crops, scores within {SELF_TEST_TOLERANCE:g}, whenever it is loaded"),
        ("species it has learned from simulations", ", ".join(card.simulated_species) or "none"),
        ("species it has learned from pictures", ", ".join(pictures) or "none"),
    ]


def _points(card: BundleCard) -> str:
    known = {"default": card.threshold, **card.operating_points}
    return ", ".join(f"{name} {decimal(one.value)}" for name, one in known.items())


def _family_lines(card: BundleCard) -> str:
    lines = zip(card.families, card.family_scales, card.family_offsets, strict=False)
    return (
        "; ".join(f"{name}: {scale:.3f} x log-odds {offset:+.3f}" for name, scale, offset in lines) or "none"
    )


def _told(card: BundleCard) -> str:
    told = card.told_species
    if told is None:
        return "none"
    return (
        f"{', '.join(told.names)}: {told.accuracy:.0%} of {told.rows} attacks told right, {told.chance:.0%} by chance, "
        f"log loss {told.log_loss:.2f} against {told.log_loss_of_shares:.2f}; cross-validated by person"
    )


def _training_rows(card: BundleCard) -> list[tuple[str, str]]:
    record = card.training
    best = record.get("best_epoch")
    return [
        ("trained by, and where questions go", NOT_RECORDED),
        ("training finished", _words(record.get("finished"))),
        ("recipe of the last command", _words(_recipe(record).get("name"))),
        *_second_look(card),
        (_epoch_chosen(record), f"{best + 1}" if isinstance(best, int) else NOT_RECORDED),
        *_of_the_start(record),
        ("seeds", ", ".join(_words(run.get("seed")) for run in _runs(card))),
        ("time", _time(_runs(card))),
        ("hardware", _words(record.get("hardware"))),
        ("versions", _words(record.get("versions"))),
    ]


def _epoch_chosen(record: Mapping[str, Any]) -> str:
    return "its epoch, the last" if _recipe(record).get("kept") == "last" else "its epoch, chosen on dev"


def _of_the_start(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How much of the kept weights are those that training started from, where some are."""
    share = _mapping(_recipe(record).get("optimisation")).get("start_share")
    is_told = isinstance(share, float) and share > 0
    return [("share of the weights that it started from", f"{share:.0%}")] if is_told else []


def commands(card: BundleCard) -> str:
    """How it was trained, from the first command to the last."""
    lines = [_words(run.get("command")) for run in _runs(card)]
    resumed = [line for record in _records(card) for line in record.get("resumed_by", ())]
    return code([*lines, *map(_words, resumed)])


def _records(card: BundleCard) -> list[Mapping[str, Any]]:
    return [card.training] if card.beside is None else [card.training, card.beside]


def _runs(card: BundleCard) -> list[Mapping[str, Any]]:
    """Every run that the weights have gone through; a second detector may go on from runs of the first one."""
    first, *others = ([*record.get("earlier_runs", ()), record] for record in _records(card))
    known = [_told_apart_by(run) for run in first]
    return [*first, *(run for runs in others for run in runs if _told_apart_by(run) not in known)]


def _told_apart_by(run: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(run.get(word) for word in ("command", "seed", "seconds"))


def _recipe(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(record.get("recipe"))


def _second_look(card: BundleCard) -> list[tuple[str, str]]:
    if card.beside is None:
        return []
    recipe = _recipe(card.beside)
    size = _words(_mapping(recipe.get("contract")).get("size"))
    return [("looks again", f"at {size} x {size}; recipe of the last command {_words(recipe.get('name'))}")]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _time(runs: list[Mapping[str, Any]]) -> str:
    times = [run.get("seconds") for run in runs]
    known = [float(one) for one in times if isinstance(one, int | float)]
    if not known:
        return NOT_RECORDED
    total = sum(known)
    text = f"{total / 60:.0f} minutes in all" if total >= 120 else f"{total:.0f} s in all"
    return text if len(known) == len(times) else f"{text}; of some commands it is not recorded"


def _words(value: object) -> str:
    """A recorded value in words: names before their values, no brackets around a list."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value)) or "none"
    return NOT_RECORDED if value is None else str(value)


def training_data(card: BundleCard) -> str:
    """The pictures it has learned from and was chosen by, with their licences."""
    if not card.training_data:
        return f"The sources are {NOT_RECORDED}."
    rows = [(one.source, one.licence, one.species, f"{one.count:,}") for one in card.training_data]
    return table(("source", "licence", "species", "pictures"), rows, num_words=3)


def instruments(card: BundleCard, measured: Mapping[str, int]) -> str:
    """Every species of attack, whether it was learned from, and on how many rows it was measured.

    Args:
        card: Of the bundle.
        measured: Rows of the report by species.
    """
    rows = []
    for name in _known_species(card, measured):
        species = known_species(name)
        family = None if species is None else species.family
        learned = (
            "simulations"
            if name in card.simulated_species
            else "pictures"
            if name in card.species
            else "nothing"
        )
        rows.append((name, family or NOT_KNOWN, learned, f"{measured.get(name, 0):,}"))
    return table(("species", "family", "learned from", "rows measured"), rows, num_words=3)


def unseen(card: BundleCard, measured: Mapping[str, int]) -> list[str]:
    """Species of the vocabulary that it has neither learned from nor been measured on."""
    return [name for name in _known_species(card, measured) if name not in {*card.species, *measured}]


def _known_species(card: BundleCard, measured: Mapping[str, int]) -> list[str]:
    """The vocabulary in its order, then other words."""
    attacks = [name for name in SPECIES if name != BONAFIDE.name]
    return attacks + sorted({*card.species, *measured} - SPECIES.keys())
