"""Several captures together: by scipy's own logit and by products of chances."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from bonaface.presentation import joint_scores

FAMILIES = np.array([[0.2, 0.6], [0.5, 0.9], [0.1, 0.3]])
ATTACK = 1 - (1 - FAMILIES).prod(axis=1)


def test_families_are_averaged_as_log_odds_and_united():
    attack, families = joint_scores(ATTACK, FAMILIES)
    wanted = expit(logit(FAMILIES).mean(axis=0))
    assert families == pytest.approx(wanted, abs=1e-12)
    assert attack == pytest.approx(1 - (1 - wanted[0]) * (1 - wanted[1]), abs=1e-12)


def test_the_order_of_captures_does_not_matter():
    one, other = joint_scores(ATTACK, FAMILIES), joint_scores(ATTACK[::-1], FAMILIES[::-1])
    assert one[0] == pytest.approx(other[0], abs=1e-12)


def test_one_capture_says_what_it_says():
    attack, families = joint_scores(np.array([0.77]), FAMILIES[:1])
    assert attack == 0.77
    assert families.tolist() == FAMILIES[0].tolist()


def test_without_families_the_attack_itself():
    attack, families = joint_scores(np.array([0.1, 0.9, 0.5]), np.empty((3, 0)))
    assert attack == pytest.approx(0.5)
    assert families.shape == (0,)


def test_one_sure_capture_does_not_silence_the_others():
    """A score of 1 is 20 of log-odds: four others of -6 outvote it, three do not."""
    sure, four, three = np.array([1.0]), np.full(4, expit(-6.0)), np.full(3, expit(-6.0))
    assert joint_scores(np.concatenate([sure, four]), np.empty((5, 0)))[0] < 0.5
    assert joint_scores(np.concatenate([sure, three]), np.empty((4, 0)))[0] > 0.5
