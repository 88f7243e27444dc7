"""Is a difference between groups more than noise? Groups are exchanged among subjects many times, and Holm corrects for many looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bonaface.evaluation.columns import Flags, Scores

PERMUTATIONS = 2000
MAX_CIRCLE = 8192
"""Places of the largest circle: short Fourier transforms are fast, and one of a large prime is slow."""

Whole = npt.NDArray[np.signedinteger[Any]]
Circles = tuple[npt.NDArray[np.complex128], Scores]
"""Spectra of values round circles (..., C, frequencies), and values left over (..., fewer than C), which never turn."""


@dataclass(frozen=True, slots=True, eq=False)
class _Units:
    """Rows summed by subject and group, U pairs: whose, in which group, how many, and what their errors exceed the expected by.

    `variance` is that of one row's error about what is expected of it.
    """

    subject: Whole
    group: Whole
    rows: Whole
    excess: Scores
    variance: float


def exchange_test(
    subject: Whole,
    group: Whole,
    stratum: Whole,
    is_error: Flags,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> float:
    """Chance of rates at least so uneven, if it meant nothing which group a subject's rows are in.

    Rows of one subject are not independent, so they stay together. A subject of one group exchanges it with another
    such subject. A subject of several groups, as of lighting, is compared with itself: what its rates exceed its own
    mean by is turned round among its own groups. The rows of a subject in a group count as
    rows / (1 + (rows - 1) * correlation), the correlation being that of two of them: between once and by their number.

    Args:
        subject: (N,) whole numbers from 0, whose row it is.
        group: (N,) likewise, the group it is in.
        stratum: (N,) likewise, the row's species: a group with more of a hard species is not the worse for it.
        is_error: (N,) whether it went wrong.
        permutations: How many exchanges are drawn.
        seed: The same seed gives the same chance.

    Returns:
        In [1 / (1 + permutations), 1]: the share of exchanges, the real one among them, in which the groups' squared
        mean excesses over what is expected, each by its variance, sum up to at least as much. 1 without any excess.

    Reference:
        Phipson and Smyth 2010 for the share; Rao and Scott 1992 for how much rows of one subject count.
    """
    units = _units(subject, group, stratum, is_error)
    num_units = np.bincount(units.subject)[units.subject]
    score, weight = _scores(units, num_units > 1)
    if not score.any():
        return 1.0
    values, generator = np.stack([score, weight]), np.random.default_rng(seed)
    drawn = np.zeros((2, int(units.group.max()) + 1, permutations))
    for width in np.unique(num_units).tolist():
        places = np.flatnonzero(num_units == width)  # subject by subject
        if width == 1:
            _exchange(drawn, units.group[places], values[:, places], generator)
        else:
            turning = values[:, places].reshape(2, -1, width)
            _turn(drawn, units.group[places].reshape(-1, width), turning, generator)
    observed = float(_unevenness(np.stack([np.bincount(units.group, part) for part in values])))
    needed = observed - 1e-9 * (observed + units.variance)  # rounding must not part equals
    return float((1 + np.count_nonzero(_unevenness(drawn) >= needed)) / (1 + permutations))


def holm(p_values: Sequence[float]) -> list[float]:
    """Each chance as it stands when all were looked at: the smallest times their number, the next times one less, and so on.

    Args:
        p_values: In [0, 1].

    Returns:
        In the same order; at most 1, and never below that of a smaller one. Where nothing really differs, any of them is
        at most a in a share a of such looks at most, however they depend on each other.

    Reference:
        Holm 1979.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected


def _units(subject: Whole, group: Whole, stratum: Whole, is_error: Flags) -> _Units:
    """Sums in order of subjects; what is expected of a row is its stratum's share of errors."""
    is_group = np.bincount(group) > 0
    group, num_groups = (np.cumsum(is_group) - 1)[group], np.count_nonzero(is_group)
    of_stratum = np.bincount(stratum)
    expected = np.bincount(stratum, is_error) / np.maximum(of_stratum, 1)
    pair = subject.astype(np.int64) * num_groups + group
    rows = np.bincount(pair)
    pairs = np.flatnonzero(rows)
    return _Units(
        subject=np.unique(pairs // num_groups, return_inverse=True)[1],
        group=pairs % num_groups,
        rows=rows[pairs],
        excess=np.bincount(pair, is_error - expected[stratum])[pairs].astype(np.float64),
        variance=float(np.average(expected * (1 - expected), weights=of_stratum)),
    )


def _scores(units: _Units, has_several: Flags) -> tuple[Scores, Scores]:
    """Each unit's weighted rate less its subject's, or less that of all subjects of one group; and its variance."""
    peers = np.where(has_several, units.subject + 1, 0)
    mean = units.excess / units.rows
    share = units.rows / np.bincount(peers, units.rows)[peers]
    free = np.where(has_several, 1 - share, 1.0)  # a part of what it is compared with is the unit itself
    spread = units.rows * (mean - np.bincount(peers, share * mean)[peers]) ** 2
    weight = units.rows / (1 + (units.rows - 1) * _correlation(units, spread, free))
    share = weight / np.bincount(peers, weight)[peers]
    score = weight * (mean - np.bincount(peers, share * mean)[peers])
    return np.round(score, 9), weight * np.where(has_several, 1 - share, 1.0)


def _correlation(units: _Units, spread: Scores, free: Scores) -> float:
    """Of two rows of one unit, in [0, 1]: what their rates' spread about the expected has beyond that of single rows."""
    surplus = float(np.average(units.rows, weights=free)) - 1
    if not units.variance or not surplus:
        return 0.0
    return min(max((float(spread.sum() / free.sum()) / units.variance - 1) / surplus, 0.0), 1.0)


def _unevenness(sums: Scores) -> Scores:
    """Squared scores by their variances, summed over groups, of (2, groups, ...)."""
    return np.asarray((sums[0] ** 2 / sums[1]).sum(axis=0))


def _exchange(drawn: Scores, group: Whole, values: Scores, generator: np.random.Generator) -> None:
    """Add each group's sums to (2, groups, draws) when values (2, U) are dealt out to groups (U,) at random.

    Values and groups lie round circles, each in random order, and one is turned against the other place by place: any
    two turns are as good as independent, and a Fourier transform sums all of them at once.
    """
    size, draws = len(group), drawn.shape[2]
    order = generator.permuted(np.tile(np.arange(size), (_rounds(size, draws), 1)), axis=1)
    dealt, places = _circles(values[:, order]), generator.permutation(group)
    for one in range(drawn.shape[1]):
        drawn[:, one] += _sums(dealt, _circles(places == one), size, draws)


def _turn(drawn: Scores, group: Whole, values: Scores, generator: np.random.Generator) -> None:
    """Add each group's sums to (2, groups, draws) when each subject's values (2, S, width) turn among its groups (S, width).

    How far each subject turns is drawn, laid round circles and handed on from subject to subject, summed likewise. Each
    starts somewhere else, so that equal subjects that hand on the same turns do not sum up to the same.
    """
    (size, width), draws = group.shape, drawn.shape[2]
    starts = np.arange(width) + generator.integers(width, size=(size, 1))
    group = np.take_along_axis(group, starts % width, axis=1)
    turns = generator.integers(width, size=(_rounds(size, draws), size))
    for turn in range(width):
        turning, turned = _circles(turns == turn), np.roll(group, turn, axis=1)
        for one in range(drawn.shape[1]):
            moved = np.where(turned == one, values, 0.0).sum(axis=2)
            drawn[:, one] += _sums(_circles(moved[:, None]), turning, size, draws)


def _circle_size(size: int) -> int:
    """Places of each circle when so many values lie round equal ones, the fewest that are not too large."""
    return size // -(-size // MAX_CIRCLE)


def _rounds(size: int, draws: int) -> int:
    """How many orders give enough draws, one for each turn of a circle."""
    return -(-draws // _circle_size(size))


def _circles(values: Scores | Flags) -> Circles:
    """Of values (..., U), those of the last dimension round equal circles."""
    *others, size = values.shape
    circle = _circle_size(size)
    used = size // circle * circle
    spectra = np.fft.rfft(values[..., :used].reshape(*others, -1, circle))
    return spectra, values[..., used:].astype(np.float64)


def _sums(first: Circles, second: Circles, size: int, draws: int) -> Scores:
    """Sums of products (2, draws) of values in `first` (2, ...) and in `second`, at every turn of the circles."""
    turned = np.fft.irfft((first[0] * np.conj(second[0])).sum(axis=-2), n=_circle_size(size))
    sums: Scores = turned + (first[1] * second[1]).sum(axis=-1, keepdims=True)
    return sums.reshape(2, -1)[:, :draws]
