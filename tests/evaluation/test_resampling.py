from __future__ import annotations

import numpy as np

from bonaface.evaluation import resampling
from bonaface.evaluation.resampling import clusters

from .tables import joined, table_of

TABLE = table_of(
    ("bonafide", 0.1),  # ann: both
    ("print", 0.9),  # ann
    ("bonafide", 0.2),  # ben: bona fide only
    ("print", 0.7),  # cid: attack only
    ("print", None),  # cid
    ("bonafide", 0.3),  # nobody
    ("replay", 0.8),  # nobody
    ("bonafide", None),  # dot: bona fide only
    subjects=["ann", "ann", "ben", "cid", "cid", "", "", "dot"],
)


def members(table) -> list[set[frozenset[int]]]:
    """The rows of every cluster of every stratum."""
    groups = clusters(table)
    return [
        {frozenset(np.flatnonzero(groups.of_row == cluster).tolist()) for cluster in stratum}
        for stratum in groups.strata
    ]


def test_strata_are_the_classes_that_a_subject_has_and_nobody_is_alone() -> None:
    assert members(TABLE) == [
        {frozenset({2}), frozenset({5}), frozenset({7})},
        {frozenset({3, 4}), frozenset({6})},
        {frozenset({0, 1})},
    ]
    assert clusters(TABLE).count == 6


def test_a_subject_of_two_splits_is_two_clusters() -> None:
    rows = (("bonafide", 0.1), ("print", 0.9))
    dev = table_of(*rows, split="dev", subjects=["ann", "ann"])
    test = table_of(*rows, split="test", subjects=["ann", "ann"])
    assert members(joined(dev, test)) == [{frozenset({0, 1})}, {frozenset({2, 3})}]


def test_every_stratum_is_drawn_as_often_as_it_has_members() -> None:
    groups = clusters(TABLE)
    batch = np.concatenate(list(groups.draws(400, np.random.default_rng(0))))
    assert batch.shape == (400, 6)
    for stratum in groups.strata:
        assert set(batch[:, stratum].sum(axis=1)) == {len(stratum)}
    # Of three drawn from three with replacement, a member is drawn 0 to 3 times, once on average.
    drawn = batch[:, groups.strata[0]]
    assert set(drawn.ravel()) == {0, 1, 2, 3}
    assert abs(drawn.mean(axis=0) - 1).max() < 0.15


def test_the_same_seed_draws_the_same_whatever_the_batches(monkeypatch) -> None:
    groups = clusters(TABLE)
    at_once = np.concatenate(list(groups.draws(7, np.random.default_rng(3))))
    monkeypatch.setattr(resampling, "BATCH_ENTRIES", 12)
    batches = list(groups.draws(7, np.random.default_rng(3)))
    assert [len(batch) for batch in batches] == [2, 2, 2, 1]
    assert (np.concatenate(batches) == at_once).all()


def test_the_jackknife_leaves_out_each_once(monkeypatch) -> None:
    groups = clusters(TABLE)
    for entries in (1 << 23, 12, 1):
        monkeypatch.setattr(resampling, "BATCH_ENTRIES", entries)
        left = [(stratum, row) for stratum, batch in groups.left_out() for row in 1 - batch]
        assert [stratum for stratum, _ in left] == [0, 0, 0, 1, 1]  # the lone member of the last stays
        assert (sum(row for _, row in left)[np.concatenate(groups.strata[:2])] == 1).all()
        assert {int(row.sum()) for _, row in left} == {1}


def test_many_are_left_out_in_parts() -> None:
    table = table_of(*[("bonafide", 0.1)] * 10)
    parts = [row for _, batch in clusters(table).left_out(parts=4) for row in 1 - batch]
    assert sorted(int(part.sum()) for part in parts) == [2, 2, 3, 3]
    assert (sum(parts) == 1).all()
