from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bonaface.errors import ScoreError
from bonaface.evaluation.bootstrap import bootstrap
from bonaface.evaluation.comparison import bootstrap_difference
from bonaface.evaluation.leaderboard import Failure, Leaderboard
from bonaface.evaluation.resampling import Clusters
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.standings import COMPARED, Scored, leaderboard
from bonaface.evaluation.thresholds import eer_threshold
from bonaface.vocabulary import Split

from .tables import joined, table_of

SPECIES = ("bonafide", "print", "faceswap")


def scores(
    shift: float, seed: int, *, species: tuple[str, ...] = SPECIES, rows: int = 36, people: int = 6
) -> ScoreTable:
    """Dev and test rows of `people` subjects a split; a larger `shift` parts the classes further."""
    generator = np.random.default_rng(seed)
    tables = []
    for split in ("dev", "test"):
        words = [species[i % len(species)] for i in range(rows)]
        centre = [0.5 - shift if word == "bonafide" else 0.5 + shift for word in words]
        values = np.round(np.clip(np.array(centre) + generator.normal(0, 0.2, rows), 0, 1), 2)
        subjects = [f"{split}-{i * people // rows}" for i in range(rows)]
        tables.append(table_of(*zip(words, values.tolist(), strict=True), split=split, subjects=subjects))
    return joined(*tables)


def board_of(scored: list[Scored], **changes: object) -> Leaderboard:
    settings = {"recipes": ("plain", "moe"), "protocols": {"S1": ("",)}, "replicates": 40} | changes
    return leaderboard(scored, **settings)  # type: ignore[arg-type]


def runs(*shifts: tuple[str, float], seeds: tuple[int, ...] = (0, 1), part: str = "", protocol: str = "S1"):
    return [
        Scored(name, protocol, part, seed, scores(shift, 10 * seed + number))
        for seed in seeds
        for number, (name, shift) in enumerate(shifts)
    ]


def figures(board: Leaderboard, recipe: str, protocol: int = 0):
    return next(one.figures for one in board.boards[protocol].standings if one.recipe == recipe)


def slowly(rows: list[tuple[str, float]], threshold: float) -> dict[str, float]:
    """Every compared statistic as its definition reads, and the AUC by scikit-learn."""
    genuine = [score for word, score in rows if word == "bonafide"]
    attacks = [score for word, score in rows if word != "bonafide"]
    by_species: dict[str, list[float]] = {}
    for word, score in rows:
        if word != "bonafide":
            by_species.setdefault(word, []).append(score)

    def errors(at: float) -> tuple[Fraction, Fraction]:
        missed, rejected = sum(s < at for s in attacks), sum(s >= at for s in genuine)
        return Fraction(missed, len(attacks)), Fraction(rejected, len(genuine))

    apcer, bpcer = errors(threshold)
    steps = [errors(at) for at in sorted({s for _, s in rows})]
    nearest = min(steps, key=lambda pair: abs(pair[0] - pair[1]))
    return {
        "acer_pooled": float(apcer + bpcer) / 2,
        "apcer_worst": max(sum(s < threshold for s in own) / len(own) for own in by_species.values()),
        "bpcer": float(bpcer),
        "auc": roc_auc_score([word != "bonafide" for word, _ in rows], [score for _, score in rows]),
        "eer": float(sum(nearest)) / 2,
    }


def drawn_rows(table: ScoreTable, times: dict[str, int]) -> list[tuple[str, float]]:
    """The test rows, each as often as its subject was drawn."""
    return [
        (word, score)
        for word, score, subject, split in zip(
            table.species.tolist(),
            table.attack_score.tolist(),
            table.subject.tolist(),
            table.split.tolist(),
            strict=True,
        )
        if split == "test"
        for _ in range(times.get(subject, 0))
    ]


def test_every_number_is_that_of_a_loop_over_given_draws(monkeypatch) -> None:
    """Two recipes, two seeds and two parts that share their subjects, measured by hand on draws written down here."""
    parts = ("print", "faceswap")
    scored = [
        Scored(name, "loso", part, seed, scores(shift, 7 * seed + k, species=("bonafide", part), people=5))
        for seed in (3, 4)
        for part in parts
        for k, (name, shift) in enumerate((("plain", 0.1), ("moe", 0.25)))
    ]
    subjects = sorted(
        {subject for one in scored for subject in one.table.of_split(Split.TEST).subject.tolist()}
    )
    draws = np.random.default_rng(5).multinomial(5, [0.2] * 5, size=30).astype(np.int32)
    monkeypatch.setattr(Clusters, "draws", lambda self, replicates, generator: iter([draws[:12], draws[12:]]))
    board = board_of(scored, protocols={"loso": parts}, replicates=30)

    def mean(name: str, weights: np.ndarray, seeds: tuple[int, ...] = (3, 4)) -> dict[str, float]:
        times = dict(zip(subjects, weights.tolist(), strict=True))
        each = [
            slowly(drawn_rows(one.table, times), eer_threshold(one.table.of_split(Split.DEV)).value)
            for one in scored
            if one.recipe == name and one.seed in seeds
        ]
        return {statistic: sum(found[statistic] for found in each) / len(each) for statistic in COMPARED}

    once = np.ones(5, np.int32)
    own = {name: [mean(name, weights) for weights in draws] for name in ("plain", "moe")}
    for statistic in COMPARED:
        for name in ("plain", "moe"):
            figure = figures(board, name)[statistic]
            by_seed = {seed: mean(name, once, (seed,))[statistic] for seed in (3, 4)}
            assert figure.by_seed == pytest.approx(by_seed)
            assert figure.spread == pytest.approx(abs(by_seed[3] - by_seed[4]) / math.sqrt(2))
            assert figure.interval.value == pytest.approx(sum(by_seed.values()) / 2)
            ends = np.percentile([found[statistic] for found in own[name]], [2.5, 97.5])
            assert (figure.interval.low, figure.interval.high) == pytest.approx(tuple(ends))
        less = [a[statistic] - b[statistic] for a, b in zip(own["moe"], own["plain"], strict=True)]
        versus = figures(board, "moe")[statistic].versus
        assert versus is not None
        low, high = np.percentile(less, [2.5, 97.5])
        assert (versus.difference.low, versus.difference.high) == pytest.approx((low, high))
        assert versus.difference.value == pytest.approx(
            mean("moe", once)[statistic] - mean("plain", once)[statistic]
        )
        is_higher_better = statistic == "auc"
        assert versus.is_better is (None if low <= 0 <= high else (low > 0) == is_higher_better)
    assert board.boards[0].parts == parts
    assert (board.boards[0].rows, board.boards[0].subjects) == (72, 5)


def test_one_run_each_is_the_paired_bootstrap_of_two_systems() -> None:
    first, second = scores(0.1, 1), scores(0.2, 2)
    board = board_of([Scored("plain", "S1", "", 0, first), Scored("moe", "S1", "", 0, second)], seed=4)
    tests = [table.of_split(Split.TEST) for table in (first, second)]
    # in the order of their samples, in which a leaderboard draws
    tests = [table.take(np.argsort(table.sample)) for table in tests]
    at = [eer_threshold(table.of_split(Split.DEV)).value for table in (first, second)]
    alone = bootstrap(tests[0], at[0], statistics=COMPARED, replicates=40, seed=4)
    paired = bootstrap_difference(
        tests[1], tests[0], (at[1], at[0]), statistics=COMPARED, replicates=40, seed=4
    )
    for name in COMPARED:
        own, versus = figures(board, "plain")[name], figures(board, "moe")[name].versus
        assert versus is not None
        for found, wanted in ((own.interval, alone[name]), (versus.difference, paired[name])):
            assert (found.value, found.low, found.high) == pytest.approx(
                (wanted.value, wanted.low, wanted.high), nan_ok=True
            )
        assert own.versus is None
        assert math.isnan(own.spread)
    assert [one.threshold.value for one in board.runs] == at
    assert board.boards[0].notes == [
        "one seed: how much training itself varies is not known, and no interval here holds it"
    ]


def test_a_far_better_recipe_is_better_and_a_twin_is_within_noise() -> None:
    scored = runs(("plain", 0.02), ("good", 0.5), seeds=(0, 1, 2))
    twins = [Scored("twin", one.protocol, "", one.seed, one.table) for one in scored if one.recipe == "plain"]
    board = board_of([*scored, *twins], recipes=("plain", "good", "twin"))
    for name in ("acer_pooled", "auc", "eer"):
        better, same = figures(board, "good")[name].versus, figures(board, "twin")[name].versus
        assert better is not None
        assert same is not None
        assert better.is_better is True
        assert (better.agreeing, better.seeds) == (3, 3)
        assert same.is_better is None
        assert same.difference.value == 0
    turned = board_of([*scored, *twins], recipes=("good", "plain", "twin"))
    worse = figures(turned, "plain")["auc"].versus
    assert worse is not None
    assert worse.is_better is False


def test_the_order_of_rows_and_runs_changes_nothing() -> None:
    scored = runs(("plain", 0.1), ("moe", 0.2))
    shuffled = [
        Scored(
            one.recipe,
            "S1",
            "",
            one.seed,
            one.table.take(np.random.default_rng(i).permutation(len(one.table))),
        )
        for i, one in enumerate(scored)
    ]
    assert board_of(scored).boards == board_of(shuffled[::-1]).boards


def test_equal_means_differ_by_nothing_whatever_the_order_of_their_sum() -> None:
    """The same three runs under other seeds: sums of floats in another order."""
    tables = [scores(0.1, seed) for seed in range(3)]
    scored = [Scored("plain", "S1", "", seed, table) for seed, table in enumerate(tables)]
    scored += [Scored("moe", "S1", "", seed, table) for seed, table in enumerate([tables[2], *tables[:2]])]
    board = board_of(scored)
    for name in COMPARED:
        versus = figures(board, "moe")[name].versus
        assert versus is not None
        assert versus.difference.value == 0
        assert math.isnan(versus.difference.low)


def test_runs_that_can_not_be_measured_are_told_and_the_others_are_measured() -> None:
    scored = runs(("plain", 0.1), ("moe", 0.2))
    deaf = scored[3].table
    deaf = deaf.select(np.asarray(~((deaf.split == "dev") & deaf.is_attack), dtype=np.bool_))
    before = Failure("moe on S1, seed 2", "the loss must be finite")
    board = board_of([*scored[:3], Scored("moe", "S1", "", 1, deaf)], failures=[before])
    assert [one.run for one in board.failures] == ["moe on S1, seed 2", "moe on S1, seed 1"]
    assert board.failures[1].reason.startswith(
        "dev must have both classes with a score; got no scored attack"
    )
    assert list(figures(board, "moe")["auc"].by_seed) == [0]
    versus = figures(board, "moe")["auc"].versus
    assert versus is not None
    assert versus.seeds == 1
    assert board.boards[0].notes[0] == (
        "recipes have other seeds (plain 0 1, moe 0): their means are not of equally many runs"
    )


def test_without_the_baseline_nothing_is_compared() -> None:
    board = board_of(runs(("moe", 0.2)))
    assert figures(board, "plain") == {}
    assert all(figure.versus is None for figure in figures(board, "moe").values())
    assert board.boards[0].notes == ["the baseline has no figures: nothing is compared with it"]


def test_a_seed_without_every_part_does_not_count() -> None:
    scored = [*runs(("plain", 0.1), part="a"), *runs(("plain", 0.1), part="b", seeds=(1,))]
    board = board_of(scored, recipes=("plain",), protocols={"S1": ("a", "b")})
    assert list(figures(board, "plain")["eer"].by_seed) == [1]
    nowhere = board_of(runs(("plain", 0.1), part="a"), recipes=("plain",), protocols={"S1": ("a", "b")})
    assert nowhere.boards[0].standings[0].figures == {}
    assert nowhere.boards[0].notes == ["no run has scores for every part of it"]
    assert len(nowhere.runs) == 2  # what is known of each run stays


def test_what_a_reader_must_know() -> None:
    dev = table_of(("bonafide", 0.1), ("print", 0.8), split="dev", subjects=["ann", "bob"])
    test = table_of(
        ("bonafide", 0.2), ("print", 0.7), ("faceswap", 0.9), ("faceswap", None),
        subjects=["ann", "bob", "cleo", "dan"],
    )  # fmt: skip
    scored = [Scored("plain", "S1", "x", seed, joined(dev, test)) for seed in (0, 1)]
    assert board_of(scored, recipes=("plain",), protocols={"S1": ("x",)}).boards[0].notes == [
        "x: dev has no digital attack with a score: the dev threshold says nothing about digital attacks",
        "x: 2 subjects are in both dev and test: the rates may be too good",
        "plain: 2 of 8 answers on test are missing; the rates are of the others",
    ]


def test_other_samples_are_refused() -> None:
    scored = runs(("plain", 0.1), ("moe", 0.2), seeds=(0,))
    fewer = scored[1].table.take(np.arange(len(scored[1].table) - 1))
    with pytest.raises(ScoreError) as error:
        board_of([scored[0], Scored("moe", "S1", "", 0, fewer)])
    assert str(error.value) == (
        "runs of one protocol must have scored the same samples; plain on S1, seed 0 and moe on S1, seed 0 differ in "
        "column sample; score one again"
    )
    part = Scored("moe", "S1", "x", 0, fewer)
    assert part.name == "moe on S1 (x), seed 0"


def test_an_unknown_rule_is_no_failure_of_a_run() -> None:
    with pytest.raises(ScoreError, match="a threshold rule must be one of"):
        board_of(runs(("plain", 0.1)), rule="best")
