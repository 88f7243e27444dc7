"""A bundle with another threshold: chosen by genuine captures of the cameras that it will stand behind.

What a detector makes of genuine faces follows the pictures that it learned from; behind another camera the same threshold turns
away many more. Genuine captures are easily had, attacks are not: so by default the share of them that may be turned away chooses,
and attacks, own or simulated, say what it costs.
"""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bonaface.bundle import (
    CARD_TEXT,
    WEIGHTS,
    BundleCard,
    StoredThreshold,
    check_free,
    read_card,
    write_card,
)
from bonaface.bundle_exchange import in_place_of
from bonaface.errors import BundleError, ScoreError
from bonaface.evaluation.measured import MeasuredRate, measured
from bonaface.evaluation.model_card import model_card
from bonaface.evaluation.rates import apcer, apcer_pooled, bpcer
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.thresholds import Threshold, parse_rule, threshold_by_rule
from bonaface.evaluation.wording import percent, rate_text

OWN = "own"
"""The operating point's name in the card, and the mark of its version."""

CHOSEN = "The threshold was chosen on genuine captures"
"""How the card's note about it begins."""


@dataclass(frozen=True, slots=True)
class Errors:
    """What goes wrong at a threshold.

    Attributes:
        threshold: In [0, 1].
        bpcer: Over genuine captures.
        apcer: By species.
        apcer_pooled: Over all attacks.
    """

    threshold: float
    bpcer: MeasuredRate
    apcer: Mapping[str, MeasuredRate]
    apcer_pooled: MeasuredRate


def errors_at(table: ScoreTable, threshold: float) -> Errors:
    """The errors on these rows, with exact intervals.

    For a threshold that was chosen between two of these very genuine scores the interval of its BPCER holds as well: where a given
    number of independent scores lies above, the share of all captures above has the distribution that Clopper and Pearson's ends
    are quantiles of.

    Raises:
        MissingExtraError: If scipy is not installed.

    Reference:
        Wilks 1941, Determination of sample sizes for setting tolerance limits.
    """
    by_species = {name: measured(rate) for name, rate in apcer(table, threshold).items()}
    return Errors(
        threshold, measured(bpcer(table, threshold)), by_species, measured(apcer_pooled(table, threshold))
    )


def check_count(rule: str, count: int) -> None:
    """Raise `ScoreError` if there is no such rule, or so many captures are too few for its limit of BPCER."""
    name, limit = parse_rule(rule)
    if name == "bpcer" and limit is not None and 0 < limit < 1 and count * limit < 1:
        raise ScoreError(
            f"at least {math.ceil(1 / limit)} genuine captures with a face must be there for a BPCER of {percent(limit)}; "
            f"got {count}; add some, or allow more"
        )


def own_threshold(table: ScoreTable, rule: str) -> Threshold:
    """What a rule chooses by these rows.

    Args:
        table: Scores of genuine captures and of attacks, all of dev.
        rule: As `threshold_by_rule` takes it: bpcer=0.05, say.

    Raises:
        ScoreError: If the rule can not choose, or the captures are too few for a limit of BPCER.
    """
    check_count(rule, int((table.is_bonafide & table.has_score).sum()))
    return threshold_by_rule(table, rule)


def check_out(folder: Path, out: Path) -> None:
    """Raise `BundleError` unless the bundle in `folder` can be written anew into `out`."""
    if out.resolve() == folder.resolve():
        raise BundleError(f"{out} must be another folder than the bundle's own; it is the same; choose one")
    check_free(out)


def with_own_threshold(
    folder: Path, out: Path, table: ScoreTable, rule: str, *, are_joint: bool = False
) -> BundleCard:
    """Write the bundle in `folder` anew into `out`, with the threshold that these captures choose.

    Its model is the same to the byte, and so are its other operating points. The report stays behind: its rates are those of
    another threshold. The version names the threshold, so that verdicts of both can be told apart.

    Args:
        folder: A bundle.
        out: A folder; a bundle in it is replaced.
        table: Scores by this bundle, of genuine captures and of attacks, all of dev.
        rule: See `own_threshold`.
        are_joint: Whether a genuine row is of several captures of one presentation; the card then says so.

    Raises:
        BundleError: If `folder` is no bundle, or `out` is it or holds other files.
        ScoreError: As `own_threshold`.
        MissingExtraError: If scipy, jinja2 or huggingface_hub is not installed.
    """
    check_out(folder, out)
    card = read_card(folder)
    found = own_threshold(table, rule)
    stored = StoredThreshold(found.value, found.low, found.high, found.rule, found.split and str(found.split))
    card = replace(
        card,
        version=f"{card.version.partition('+')[0]}+{OWN}.{_mark(table, stored)}",
        threshold=stored,
        operating_points={**card.operating_points, OWN: stored},
        report=None,
        notes=(
            *(note for note in card.notes if not note.startswith(CHOSEN)),
            _note(card, table, stored, are_joint=are_joint),
        ),
    )
    text = model_card(card)
    with in_place_of(out) as fresh:
        fresh.mkdir()
        for file in (card.model.file, *((WEIGHTS,) if card.weights else ())):
            shutil.copyfile(folder / file, fresh / file)
        write_card(fresh, card)
        (fresh / CARD_TEXT).write_text(text, encoding="utf-8")
    return card


def _mark(table: ScoreTable, threshold: StoredThreshold) -> str:
    """What the threshold was chosen on, in eight digits."""
    words = "\n".join([repr(threshold), *map(str, table.sample), *map(repr, table.attack_score.tolist())])
    return hashlib.sha256(words.encode()).hexdigest()[:8]


def _note(card: BundleCard, table: ScoreTable, threshold: StoredThreshold, *, are_joint: bool) -> str:
    found = errors_at(table, threshold.value)
    people = len(set(table.subject[table.is_bonafide].tolist()))
    how = ", several of each judged together: it is for presentations of as many" if are_joint else ""
    return (
        f"{CHOSEN} of {people} people{how}. It turns away {rate_text(found.bpcer)} of them; of the attacks beside them pass "
        f"{rate_text(found.apcer_pooled)}. What was measured of {card.id} holds at its own threshold, {card.threshold.value:.4f}, and "
        "not at this one."
    )
