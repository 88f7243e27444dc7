"""From frames to presentations: the standard counts presentations, not the frames of a video."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import numpy.typing as npt

from bonaface.errors import ScoreError, did_you_mean
from bonaface.evaluation.columns import Scores, Texts, coded
from bonaface.evaluation.scores import ScoreTable
from bonaface.log_odds import log_odds_of, scores_of, union_log_odds
from bonaface.vocabulary import FAMILIES

Starts = npt.NDArray[np.intp]
Summary = Callable[[Scores, Starts, Starts], Scores]
"""Scores rising within each presentation, its first row and its number of rows -> one score each."""

TOO_FEW_FRAMES = "too_few_frames"
"""The reason of a presentation with some scored frames, but fewer than k."""

K_OF_N, EVIDENCE = "k_of_n", "evidence"


def aggregate(frames: ScoreTable, column: str, how: str = "mean") -> ScoreTable:
    """One row a presentation, from rows of its frames.

    Args:
        frames: One row a frame. Frames without a score are passed over.
        column: The group column that names each frame's presentation.
        how: 'evidence', as `Gate.presentation` does: the mean of each family's log-odds, and their union, where at least half of
            the frames have a score; 'mean', 'median' or 'max' of the scores; or 'k_of_n=2': the second highest score, so that
            the presentation is called an attack exactly when at least two of its frames are.

    Returns:
        Presentations in alphabetical order, their names in `sample`. A presentation without any scored frame, or with
        fewer than k of them, has no score; its reason is the most frequent one of its frames, or 'too_few_frames'. By
        'evidence' it has none either where most of its frames have none, for the reason that most of these have.
        A group column in which the frames of a presentation differ is left out. Each family's evidence is summarised
        as the attack score is.

    Raises:
        ScoreError: If there is no such column or way, a frame has no presentation, or the frames of a presentation
            differ in label, species, subject or split.

    Reference:
        ISO/IEC 30107-3 counts presentations; docs/concepts/metrics.md.
    """
    summary, least = _way(how)
    names, of_frame = _presentations(frames, column)
    first = np.full(len(names), len(frames), dtype=np.intp)
    np.minimum.at(first, of_frame, np.arange(len(frames)))
    for name in ("label", "species", "subject", "split"):
        _check_agreement(names, name, getattr(frames, name), of_frame, first)
    groups = {
        name: values[first]
        for name, values in frames.groups.items()
        if name != column and bool((values == values[first][of_frame]).all())
    }
    scored = np.bincount(of_frame[frames.has_score], minlength=len(names))
    is_scored, is_silent = scored >= least, scored == 0
    if how == EVIDENCE:
        is_silent = 2 * scored < np.bincount(of_frame, minlength=len(names))
        is_scored = ~is_silent
    family_scores = {
        family: _summarised(scores, of_frame, is_scored, summary)
        for family, scores in frames.family_scores.items()
    }
    attack_score = _summarised(frames.attack_score, of_frame, is_scored, summary)
    if how == EVIDENCE and set(family_scores) == set(FAMILIES):
        families = np.stack(list(family_scores.values()), axis=1)[is_scored]
        attack_score[is_scored] = scores_of(union_log_odds(log_odds_of(families)))
    return ScoreTable(
        sample=np.array(names, dtype=np.str_),
        label=frames.label[first],
        species=frames.species[first],
        subject=frames.subject[first],
        split=frames.split[first],
        attack_score=attack_score,
        reason=_reasons(frames, of_frame, is_silent, is_scored),
        groups=groups,
        family_scores=family_scores,
    )


def _mean(scores: Scores, starts: Starts, counts: Starts) -> Scores:
    return np.asarray(np.add.reduceat(scores, starts) / counts, dtype=np.float64)


def _mean_log_odds(scores: Scores, starts: Starts, counts: Starts) -> Scores:
    return scores_of(_mean(log_odds_of(scores), starts, counts))


def _median(scores: Scores, starts: Starts, counts: Starts) -> Scores:
    lower, upper = scores[starts + (counts - 1) // 2], scores[starts + counts // 2]
    return np.asarray((lower + upper) / 2, dtype=np.float64)


def _highest(k: int) -> Summary:
    """The k-th highest score of each presentation."""
    return lambda scores, starts, counts: scores[starts + counts - k]


WAYS: dict[str, Summary] = {EVIDENCE: _mean_log_odds, "mean": _mean, "median": _median, "max": _highest(1)}
"""The ways without a number in which frames are summarised."""


def check_way(how: str) -> None:
    """Raise `ScoreError` unless frames can be summarised so."""
    _way(how)


def _way(how: str) -> tuple[Summary, int]:
    """The summary, and how many scored frames it wants."""
    if how in WAYS:
        return WAYS[how], 1
    name, _, number = how.partition("=")
    if name == K_OF_N and number.isascii() and number.isdigit() and int(number) > 0:
        return _highest(int(number)), int(number)
    known = [*WAYS, f"{K_OF_N}=2"]
    tail = did_you_mean(how, known) or "; choose one of them"
    raise ScoreError(f"frames must be summarised by {', '.join(known)}; got '{how}'{tail}")


def check_presentations(column: str | None, known: Collection[str]) -> None:
    """Raise `ScoreError` where presentations are to be told by a column that is not there."""
    if column is not None and column not in known:
        tail = did_you_mean(column, known) or "; add it"
        raise ScoreError(
            f"presentations must be named by a group column; got '{column}' of "
            f"{', '.join(known) or 'no group column'}{tail}"
        )


def _presentations(frames: ScoreTable, column: str) -> tuple[list[str], npt.NDArray[np.int32]]:
    check_presentations(column, frames.groups)
    names, of_frame = coded(frames.groups[column])
    if "" in names:
        nameless = int(np.argmax(frames.groups[column] == ""))
        raise ScoreError(
            f"every frame must have a presentation; sample '{frames.sample[nameless]}' has none in {column}; "
            "name it"
        )
    return names, of_frame


def _check_agreement(
    names: list[str], column: str, values: Texts, of_frame: npt.NDArray[np.int32], first: Starts
) -> None:
    differs = np.flatnonzero(values != values[first][of_frame])
    if len(differs):
        at = int(of_frame[differs[0]])
        raise ScoreError(
            f"the frames of a presentation must have one {column}; '{names[at]}' has "
            f"'{values[first[at]]}' and '{values[differs[0]]}'; correct a row, or split the presentation"
        )


def _summarised(
    scores: Scores, of_frame: npt.NDArray[np.int32], is_scored: npt.NDArray[np.bool_], summary: Summary
) -> Scores:
    result = np.full(len(is_scored), np.nan)
    rows = np.flatnonzero(~np.isnan(scores) & is_scored[of_frame])
    if len(rows):
        rows = rows[np.lexsort((scores[rows], of_frame[rows]))]
        starts = np.flatnonzero(np.diff(of_frame[rows], prepend=-1))
        counts = np.diff(starts, append=len(rows))
        result[is_scored] = summary(scores[rows], starts, counts)
    return result


def _reasons(
    frames: ScoreTable,
    of_frame: npt.NDArray[np.int32],
    is_silent: npt.NDArray[np.bool_],
    is_scored: npt.NDArray[np.bool_],
) -> Texts:
    """Empty where there is a score, `too_few_frames` where some frames have one; of the silent their frames' most frequent reason.

    The first in the alphabet among equals.
    """
    words, of_row = coded(frames.reason)
    words.append(TOO_FEW_FRAMES)
    chosen = np.full(len(is_scored), words.index(TOO_FEW_FRAMES))
    silent = np.flatnonzero(is_silent)
    if len(silent):
        rows = np.flatnonzero(is_silent[of_frame] & ~frames.has_score)
        place = np.searchsorted(silent, of_frame[rows])
        counts = np.zeros((len(silent), len(words)), dtype=np.int64)
        np.add.at(counts, (place, of_row[rows]), 1)
        chosen[silent] = np.argmax(counts, axis=1)
    return np.where(is_scored, "", np.array(words)[chosen])
