from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from bonaface.errors import ScoreError
from bonaface.evaluation.presentations import aggregate
from bonaface.evaluation.scores import ScoreTable
from bonaface.vocabulary import Family

NAN = math.nan

BY_HAND = ScoreTable(
    sample=["a1", "b1", "a2", "a3", "c1", "a4", "c2", "c3", "d1"],
    label=["attack", "bonafide", "attack", "attack", "attack", "attack", "attack", "attack", "bonafide"],
    species=["print", "bonafide", "print", "print", "morph", "print", "morph", "morph", "bonafide"],
    subject=["s1", "s2", "s1", "s1", "s3", "s1", "s3", "s3", "s4"],
    split=["test"] * 9,
    attack_score=[0.9, 0.2, 0.1, 0.8, NAN, NAN, NAN, NAN, 0.25],
    reason=["", "", "", "", "no_face", "no_face", "broken_image", "no_face", ""],
    groups={
        "video": ["A", "B", "A", "A", "C", "A", "C", "C", "D"],
        "frame": ["1", "1", "2", "3", "1", "4", "2", "3", "1"],
        "device": ["x", "y", "x", "x", "y", "x", "y", "y", "x"],
    },
    family_scores={Family.PHYSICAL: [0.5, 0.0, 0.25, 0.75, NAN, NAN, NAN, NAN, 0.0]},
)


@pytest.mark.parametrize(
    ("how", "scores", "evidence"),
    [
        ("mean", [0.6, 0.2, NAN, 0.25], [0.5, 0.0, NAN, 0.0]),
        ("median", [0.8, 0.2, NAN, 0.25], [0.5, 0.0, NAN, 0.0]),
        ("max", [0.9, 0.2, NAN, 0.25], [0.75, 0.0, NAN, 0.0]),
        ("k_of_n=1", [0.9, 0.2, NAN, 0.25], [0.75, 0.0, NAN, 0.0]),
        ("k_of_n=2", [0.8, NAN, NAN, NAN], [0.5, NAN, NAN, NAN]),
        ("k_of_n=3", [0.1, NAN, NAN, NAN], [0.25, NAN, NAN, NAN]),
        ("k_of_n=4", [NAN, NAN, NAN, NAN], [NAN, NAN, NAN, NAN]),
    ],
)
def test_frames_by_hand(how: str, scores: list[float], evidence: list[float]) -> None:
    table = aggregate(BY_HAND, "video", how)
    assert table.sample.tolist() == ["A", "B", "C", "D"]
    assert table.species.tolist() == ["print", "bonafide", "morph", "bonafide"]
    assert table.subject.tolist() == ["s1", "s2", "s3", "s4"]
    assert table.attack_score.tolist() == pytest.approx(scores, nan_ok=True)
    assert table.family_scores[Family.PHYSICAL].tolist() == pytest.approx(evidence, nan_ok=True)
    assert list(table.groups) == ["device"]
    assert table.groups["device"].tolist() == ["x", "y", "y", "x"]
    silent = ["" if not math.isnan(score) else "too_few_frames" for score in scores]
    silent[2] = "no_face"
    assert table.reason.tolist() == silent


def test_k_of_n_calls_an_attack_exactly_when_k_frames_are() -> None:
    rng = np.random.default_rng(2)
    videos, scores = rng.integers(6, size=60).astype(str), rng.random(60)
    frames = frames_of(videos.tolist(), scores.tolist())
    for k in (1, 2, 5):
        table = aggregate(frames, "video", f"k_of_n={k}")
        for threshold in (0.2, 0.5, 0.8):
            called = Counter(video for video, score in zip(videos, scores, strict=True) if score >= threshold)
            assert [called[name] >= k for name in table.sample.tolist()] == (
                table.attack_score >= threshold
            ).tolist()


def frames_of(videos: list[str], scores: list[float | None], **columns: list[str]) -> ScoreTable:
    count = len(videos)
    return ScoreTable(
        sample=[f"frame-{i}" for i in range(count)],
        label=columns.get("label", ["attack"] * count),
        species=columns.get("species", ["print"] * count),
        subject=columns.get("subject", ["s"] * count),
        split=columns.get("split", ["test"] * count),
        attack_score=scores,
        reason=["no_face" if score is None else "" for score in scores],
        groups={"video": videos},
    )


FRAMES = st.lists(
    st.tuples(st.sampled_from("ABC"), st.one_of(st.none(), st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]))),
    max_size=15,
)


@settings(max_examples=100, deadline=None)
@given(rows=FRAMES)
def test_summaries_are_their_definitions(rows: list[tuple[str, float | None]]) -> None:
    frames = frames_of([video for video, _ in rows], [score for _, score in rows])
    slow: dict[str, list[float]] = {video: [] for video, _ in sorted(rows, key=lambda row: row[0])}
    for video, score in rows:
        if score is not None:
            slow[video].append(score)
    ways = {
        "mean": statistics.fmean,
        "median": statistics.median,
        "max": max,
        "k_of_n=2": lambda scores: sorted(scores)[-2],
    }
    for how, summary in ways.items():
        table = aggregate(frames, "video", how)
        least = 2 if how == "k_of_n=2" else 1
        assert table.sample.tolist() == list(slow)
        expected = [summary(scores) if len(scores) >= least else NAN for scores in slow.values()]
        assert table.attack_score.tolist() == pytest.approx(expected, nan_ok=True)
        back = aggregate(frames.take(np.arange(len(rows))[::-1]), "video", how)
        assert back.attack_score.tobytes() == table.attack_score.tobytes()


def test_the_most_frequent_reason_stands_and_the_first_among_equals() -> None:
    frames = frames_of(["A", "A", "A", "B", "B"], [None] * 5)
    words = ["no_face", "broken_image", "no_face", "no_face", "broken_image"]
    frames = ScoreTable(
        **{name: getattr(frames, name) for name in ("sample", "label", "species", "subject", "split")},
        attack_score=frames.attack_score,
        reason=words,
        groups=frames.groups,
    )
    assert aggregate(frames, "video").reason.tolist() == ["no_face", "broken_image"]


@pytest.mark.parametrize(
    ("column", "values"),
    [("species", ["print", "replay"]), ("subject", ["s1", "s2"]), ("split", ["dev", "test"])],
)
def test_frames_that_contradict_each_other_are_refused(column: str, values: list[str]) -> None:
    with pytest.raises(ScoreError) as error:
        aggregate(frames_of(["A", "A"], [0.1, 0.2], **{column: values}), "video")
    assert str(error.value) == (
        f"the frames of a presentation must have one {column}; 'A' has '{values[0]}' and '{values[1]}'; "
        "correct a row, or split the presentation"
    )


def test_contradicting_labels_are_refused() -> None:
    frames = frames_of(["A", "A"], [0.1, 0.2], label=["attack", "bonafide"], species=["print", "bonafide"])
    with pytest.raises(ScoreError, match="must have one label; 'A' has 'attack' and 'bonafide'"):
        aggregate(frames, "video")


@pytest.mark.parametrize(
    ("column", "how", "message"),
    [
        (
            "vidoe",
            "mean",
            "presentations must be named by a group column; got 'vidoe' of video; did you mean 'video'?",
        ),
        ("clip", "mean", "presentations must be named by a group column; got 'clip' of video; add it"),
        (
            "video",
            "meen",
            "frames must be summarised by evidence, mean, median, max, k_of_n=2; got 'meen'; did you mean 'mean'?",
        ),
        (
            "video",
            "k_of_n=0",
            "frames must be summarised by evidence, mean, median, max, k_of_n=2; got 'k_of_n=0'; did you mean 'k_of_n=2'?",
        ),
        (
            "video",
            "all",
            "frames must be summarised by evidence, mean, median, max, k_of_n=2; got 'all'; choose one of them",
        ),
    ],
)
def test_unknown_columns_and_ways_are_refused(column: str, how: str, message: str) -> None:
    with pytest.raises(ScoreError) as error:
        aggregate(frames_of(["A"], [0.1]), column, how)
    assert str(error.value) == message


def test_a_frame_of_no_presentation_is_refused() -> None:
    with pytest.raises(ScoreError) as error:
        aggregate(frames_of(["A", ""], [0.1, 0.2]), "video")
    assert str(error.value) == (
        "every frame must have a presentation; sample 'frame-1' has none in video; name it"
    )


def test_evidence_is_the_mean_of_log_odds_and_the_union_of_families():
    """As the gate has it, worked with scipy's logit; a frame without a score is passed over."""
    physical, digital = np.array([0.2, 0.6, 0.1, np.nan]), np.array([0.3, 0.5, 0.8, np.nan])
    frames = replace(
        frames_of(["A", "A", "B", "B"], [0.44, 0.8, 0.82, None]),
        family_scores={Family.PHYSICAL: physical, Family.DIGITAL: digital},
    )
    found = aggregate(frames, "video", "evidence")
    of_a = [float(expit(logit(one[:2]).mean())) for one in (physical, digital)]
    assert found.family_scores[Family.PHYSICAL].tolist() == pytest.approx([of_a[0], 0.1])
    assert found.attack_score.tolist() == pytest.approx([1 - (1 - of_a[0]) * (1 - of_a[1]), 1 - 0.9 * 0.2])


@pytest.mark.filterwarnings("error")
def test_evidence_of_a_silent_presentation_is_none():
    frames = replace(
        frames_of(["A", "B"], [0.44, None]),
        family_scores={Family.PHYSICAL: np.array([0.2, np.nan]), Family.DIGITAL: np.array([0.3, np.nan])},
    )
    found = aggregate(frames, "video", "evidence").attack_score
    assert found[0] == pytest.approx(1 - 0.8 * 0.7)
    assert np.isnan(found[1])


def test_evidence_without_families_is_the_mean_of_log_odds():
    found = aggregate(frames_of(["A", "A", "A"], [0.1, 0.9, 0.8]), "video", "evidence")
    assert found.attack_score.tolist() == pytest.approx([float(expit(logit([0.1, 0.9, 0.8]).mean()))])


def test_evidence_is_given_where_the_gate_gives_it():
    """Two of four captures are enough, one of three is not; why is said by most of the silent ones."""
    rows = [
        ("A", 0.3),
        ("A", 0.4),
        ("A", None),
        ("A", None),
        ("B", 0.3),
        ("B", None),
        ("B", None),
        ("C", None),
    ]
    frames = frames_of(*zip(*rows, strict=True))
    found = aggregate(frames, "video", "evidence")
    assert np.isnan(found.attack_score).tolist() == [False, True, True]
    assert found.reason.tolist() == ["", "no_face", "no_face"]
    assert not np.isnan(aggregate(frames, "video", "mean").attack_score[1])
