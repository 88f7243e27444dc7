"""Log-odds and back, beside scipy's own; the union of families, by products of chances."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from bonaface.log_odds import LARGEST_LOG_ODDS, log_odds_of, scores_of, union_log_odds

SCORES = np.array([1e-6, 0.2, 0.5, 0.999])


def test_there_and_back():
    assert log_odds_of(SCORES) == pytest.approx(logit(SCORES), rel=1e-12)
    assert scores_of(logit(SCORES)) == pytest.approx(SCORES, rel=1e-12)
    far = np.array([-800.0, 800.0])
    assert scores_of(far).tolist() == expit(far).tolist()


def test_no_score_is_certain():
    assert log_odds_of(np.array([0.0, 1.0])).tolist() == [-LARGEST_LOG_ODDS, LARGEST_LOG_ODDS]
    assert np.isnan(log_odds_of(np.array([np.nan]))).all()


def test_the_union_against_its_definition():
    log_odds = np.random.default_rng(0).normal(0, 4, (200, 2))
    wanted = logit(1 - np.prod(1 - expit(log_odds), axis=1))
    np.testing.assert_allclose(union_log_odds(log_odds), wanted, rtol=1e-6)
    np.testing.assert_allclose(union_log_odds(log_odds[0]), wanted[0], rtol=1e-6)
    assert np.isfinite(union_log_odds(np.array([[-50.0, -60.0], [50.0, 60.0]]))).all()
