from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from bonaface.data.partners import Partners

POOL = [("bob", "b1"), ("ann", "a1"), ("bob", "b2"), ("cid", "c1"), ("bob", "b3")]


def test_it_is_always_somebody_else_and_people_are_alike_likely():
    rng, pool = np.random.default_rng(0), Partners(POOL)
    assert pool.subjects == ["ann", "bob", "cid"]
    for own, others in (("ann", "bc"), ("bob", "ac"), ("cid", "ab"), ("zoe", "abc")):
        drawn = Counter(pool.drawn(own, rng)[0] for _ in range(900))
        assert set(drawn) == set(others)
        for count in drawn.values():
            assert count / 900 == pytest.approx(1 / len(others), abs=0.067)  # 4 standard errors
    pictures = Counter(pool.drawn("ann", rng) for _ in range(900))
    assert set(pictures) == {"b1", "b2", "b3", "c1"}
    assert pictures["b1"] / 900 == pytest.approx(1 / 6, abs=0.05)


def test_the_order_of_people_does_not_matter():
    first, second = Partners(POOL), Partners(sorted(POOL))
    draws = [
        [pool.drawn("ann", rng) for _ in range(50)]
        for pool, rng in ((first, np.random.default_rng(1)), (second, np.random.default_rng(1)))
    ]
    assert draws[0] == draws[1]


def test_where_nobody_else_is_there_is_no_partner():
    rng = np.random.default_rng(2)
    assert Partners([("ann", "a1"), ("ann", "a2")]).drawn("ann", rng) is None
    assert Partners([]).drawn("ann", rng) is None
    assert Partners([("ann", "a1")]).drawn("bob", rng) == "a1"
