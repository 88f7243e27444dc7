from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
import skimage

import bonaface
from bonaface.bundle import StoredThreshold, read_card
from bonaface.errors import BundleError, DownloadError, PictureError
from bonaface.faces.crop import prepare
from bonaface.inference import gate as room
from bonaface.inference.gate import Gate, load
from bonaface.inference.session import Session
from bonaface.types import Box, Face
from bonaface.vocabulary import Family, Outcome, Reason
from faces.portraits import admiral, astronaut
from tiny_bundle import CONTRACT, TOLD, tiny_bundle

FILES = {
    "astronaut": Path(skimage.__file__).parent / "data/astronaut.png",
    "admiral": Path(matplotlib.get_data_path()) / "sample_data/grace_hopper.jpg",
}
# Seen once with dlib 20.0's finder and checked by eye. The score is the mean red of the crop, computed below as well.
GOLDEN = {
    "astronaut": (astronaut, 0.6582, [179.0, 83.0, 267.0, 171.0]),
    "admiral": (admiral, 0.5579, [157.0, 133.6, 368.0, 344.5]),
}


@pytest.fixture(scope="module")
def gate(tiny):
    return load(tiny)


class FixedFinder:
    """Whatever it was given."""

    name = "dlib_hog"

    def __init__(self, *boxes):
        self.faces = tuple(Face(box, 1.0) for box in boxes)

    def find(self, picture):
        return self.faces


def with_finder(folder, *boxes):
    return Gate(Session(folder), FixedFinder(*boxes))


def two_portraits():
    """Both side by side, the astronaut enlarged so that the finder sees her in its first pass."""
    face = cv2.resize(astronaut()[20:220, 120:320], (400, 400))
    left = np.full((600, 400, 3), 128, np.uint8)
    left[:400] = face
    return np.concatenate([left, admiral()], axis=1)


@pytest.mark.parametrize("who", GOLDEN)
def test_golden_verdicts(gate, who):
    picture, score, box = GOLDEN[who]
    verdict = gate(picture())
    assert verdict.outcome is Outcome.ATTACK
    assert verdict.attack_score == pytest.approx(score, abs=2e-3)
    assert verdict.as_dict()["box"] == pytest.approx(box, abs=0.2)
    assert verdict.reason is Reason.PHYSICAL_EVIDENCE
    assert verdict.detail == f"attack_score {score:.3f} reaches the threshold 0.500; mostly physical evidence"
    assert (verdict.num_faces, verdict.bundle, verdict.threshold) == (1, "tiny 1", 0.5)
    assert verdict.family_scores[Family.DIGITAL] == pytest.approx(1 - score, abs=2e-3)


@pytest.mark.parametrize("who", GOLDEN)
def test_the_score_is_that_of_the_pixels_in_the_square(gate, who):
    """The witness: a mean over the picture itself, without the crop's code."""
    picture = GOLDEN[who][0]()
    verdict = gate(picture)
    side = verdict.box.side * 1.3
    x, y = (round(c - side / 2) for c in verdict.box.center)
    square = picture[y : y + round(side), x : x + round(side)]
    assert verdict.attack_score == pytest.approx(square[..., 0].mean() / 255, abs=1e-3)
    assert abs(square[..., 0].mean() - square[..., 2].mean()) > 40  # blue would be another score


@pytest.mark.parametrize("who", GOLDEN)
def test_a_path_its_bytes_and_its_pixels_get_one_verdict(gate, who):
    picture, path = GOLDEN[who][0](), FILES[who]
    verdict = gate(picture)
    assert gate(path) == gate(str(path)) == gate(path.read_bytes()) == verdict


def test_the_other_side_of_the_threshold(tmp_path):
    gate = load(tiny_bundle(tmp_path / "high", threshold=0.9))
    verdict = gate(astronaut())
    assert (verdict.outcome, verdict.reason) == (Outcome.BONAFIDE, Reason.BELOW_THRESHOLD)
    assert verdict.detail == "attack_score 0.658 stays below the threshold 0.900"


def test_a_score_at_the_threshold_is_an_attack(tmp_path):
    score = 0.625  # in float32 as in float64
    at, above = score, float(np.nextafter(score, 1))
    assert load(tiny_bundle(tmp_path / "at", threshold=at, when_alone=score))(astronaut()).outcome == "attack"
    below = load(tiny_bundle(tmp_path / "below", threshold=above, when_alone=score))(astronaut())
    assert (below.outcome, below.attack_score) == ("bonafide", score)


def test_digital_evidence_is_named(tmp_path):
    verdict = load(tiny_bundle(tmp_path / "bundle", threshold=0.1, when_alone=0.2))(astronaut())
    assert verdict.reason is Reason.DIGITAL_EVIDENCE
    assert verdict.detail.endswith("mostly digital evidence")


@pytest.mark.parametrize("given", [float("nan"), float("inf"), 1.5, -0.5])
def test_a_model_that_gives_no_score(tmp_path, given):
    verdict = load(tiny_bundle(tmp_path / "bundle", when_alone=given))(astronaut())
    assert (verdict.outcome, verdict.reason) == ("no_decision", "non_finite_score")
    assert verdict.attack_score is None
    assert verdict.family_scores == {}
    assert verdict.detail == "the model gave no number in [0, 1]; report this picture"
    assert (verdict.num_faces, verdict.box is not None) == (1, True)


def test_a_tampered_bundle_is_refused(tmp_path):
    folder = tiny_bundle(tmp_path / "bundle")
    data = bytearray((folder / "model.onnx").read_bytes())
    data[-1] ^= 1
    (folder / "model.onnx").write_bytes(data)
    with pytest.raises(BundleError, match="it was altered or cut"):
        load(folder)


def test_two_faces(gate):
    picture = two_portraits()
    largest, other = gate.every_face(picture)
    assert gate(picture) == largest
    assert largest.num_faces == other.num_faces == 2
    assert largest.box.side > other.box.side
    assert largest.box.x1 > 400 > other.box.x2
    assert largest.attack_score == pytest.approx(0.558, abs=0.02)
    assert other.attack_score == pytest.approx(0.658, abs=0.02)


def test_every_face_of_a_picture_without_one(gate):
    (verdict,) = gate.every_face(np.full((200, 200, 3), 90, np.uint8))
    assert (verdict.outcome, verdict.reason, verdict.num_faces) == ("no_decision", "no_face", 0)
    assert verdict.detail.startswith(
        "a face must be in the picture, frontal, upright and not too small in it; "
    )
    assert verdict.box is None


def test_a_tiny_face(gate):
    verdict = gate(cv2.resize(astronaut(), (256, 256), interpolation=cv2.INTER_AREA))
    assert (verdict.outcome, verdict.reason, verdict.num_faces) == ("no_decision", "face_too_small", 1)
    assert verdict.detail == "the face must be at least 48 px wide; it is 44; come closer"
    assert verdict.box.side == pytest.approx(44, abs=1)


def test_one_face_that_can_not_be_judged_leaves_the_others(tiny):
    boxes = Box(10, 10, 110, 110), Box(0, 0, float("nan"), 90), Box(500, 500, 560, 560), Box(150, 10, 200, 60)
    found = with_finder(tiny, *boxes).every_face(np.full((240, 240, 3), 255, np.uint8))
    assert [v.outcome for v in found] == ["attack", "no_decision", "no_decision", "attack"]
    assert {v.num_faces for v in found} == {4}


def test_a_judgement_that_breaks_for_one_face_leaves_the_others(tiny, monkeypatch):
    def prepared(picture, box, contract, **more):
        if box.x1 == 20:
            raise MemoryError("no room")
        return prepare(picture, box, contract, **more)

    monkeypatch.setattr(room, "prepare", prepared)
    found = with_finder(tiny, Box(10, 10, 110, 110), Box(20, 20, 90, 90)).every_face(
        np.zeros((120, 120, 3), np.uint8)
    )
    assert [v.outcome for v in found] == ["bonafide", "no_decision"]
    assert found[1].reason == "internal_error"
    assert found[1].box == Box(20, 20, 90, 90)


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        (
            RuntimeError("first\nsecond"),
            "internal_error",
            "the picture could not be judged (RuntimeError: first second); report it",
        ),
        (MemoryError(), "internal_error", "the picture could not be judged (MemoryError: ); report it"),
        (PictureError("it is dark; switch on a light", reason="no_face"), "no_face", "it is dark; switch on a light"),
        (
            PictureError("it is odd", reason="a word of its own"),
            "internal_error",
            "the picture could not be judged (PictureError: it is odd); report it",
        ),
    ],
)  # fmt: skip
def test_a_finder_that_raises(tiny, error, reason, detail):
    class Broken:
        name = "broken"

        def find(self, picture):
            raise error

    broken = Gate(Session(tiny), Broken())
    for verdict in (broken(astronaut()), *broken.every_face(astronaut())):
        assert (verdict.outcome, verdict.reason, verdict.detail) == ("no_decision", reason, detail)


def test_someone_who_stops_the_program_is_heard(tiny):
    class Stopped:
        name = "stopped"

        def find(self, picture):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Gate(Session(tiny), Stopped())(astronaut())


def test_eight_threads_get_what_one_gets(gate):
    pictures = [astronaut(), admiral(), two_portraits(), astronaut()[:300, 100:400]] * 6
    alone = [gate(picture) for picture in pictures[:4]] * 6
    start = threading.Barrier(8)

    def judged(picture):
        if not start.broken:
            start.wait(5)
        return gate(picture)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(judged, pictures)) == alone


def test_a_verdict_is_frozen_and_is_json(gate):
    verdict = gate(admiral())
    for name, value in (("outcome", Outcome.BONAFIDE), ("attack_score", 0.0)):
        with pytest.raises(FrozenInstanceError):
            setattr(verdict, name, value)
    plain = json.loads(json.dumps(verdict.as_dict()))
    assert plain == {
        "outcome": "attack",
        "attack_score": verdict.attack_score,
        "threshold": 0.5,
        "reason": "physical_evidence",
        "detail": verdict.detail,
        "box": verdict.as_dict()["box"],
        "num_faces": 1,
        "bundle": "tiny 1",
        "family_scores": {"physical": verdict.attack_score, "digital": verdict.family_scores[Family.DIGITAL]},
        "species_scores": {},
    }
    empty = json.loads(json.dumps(gate(b"").as_dict()))
    assert (empty["box"], empty["attack_score"], empty["family_scores"]) == (None, None, {})


def test_the_card_is_there_to_read(gate, tiny):
    assert gate.card == read_card(tiny)


def test_the_crop_is_the_contracts(tmp_path):
    """Another margin, another crop, another score."""
    wide = load(tiny_bundle(tmp_path / "wide", contract=replace(CONTRACT, margin_ratio=0.6)))
    near = load(tiny_bundle(tmp_path / "near", contract=replace(CONTRACT, margin_ratio=0.0)))
    assert near(astronaut()).attack_score - wide(astronaut()).attack_score > 0.05


def test_a_prepared_crop_is_judged(gate):
    whole = gate(admiral())
    assert gate.judge(prepare(admiral(), whole.box, CONTRACT, num_faces=1)) == whole


def test_load_and_gate_are_the_packages(tiny):
    assert bonaface.load is load
    assert bonaface.Gate is Gate
    with pytest.raises(AttributeError, match="module 'bonaface' has no attribute 'laod'"):
        bonaface.laod  # noqa: B018


def test_no_bundle_there(tmp_path):
    with pytest.raises(BundleError) as caught:
        load(tmp_path / "nowhere")
    assert str(caught.value) == (
        "a bundle must be the name of an embedded one (small, nano) or a bundle's folder; "
        f"got '{tmp_path / 'nowhere'}', which is neither; check the name or the path"
    )
    with pytest.raises(BundleError, match=r"got 'smal', which is neither; did you mean 'small'\?$"):
        load("smal")


def test_another_detector_is_no_gate(tmp_path):
    (tmp_path / "peer.json").write_text("{}")
    with pytest.raises(BundleError) as caught:
        load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} must be a bundle to be used as a gate; it holds another detector, peer.json, which can only be "
        f"measured; run: bonaface evaluate MANIFEST --bundle {tmp_path}"
    )


def test_a_bundle_with_a_file_of_that_name_beside_it_is_one(tmp_path):
    folder = tiny_bundle(tmp_path / "bundle")
    (folder / "peer.json").write_text("{}")
    assert load(folder).card.id == "tiny 1"


def test_the_embedded_bundle_is_the_default_and_has_a_name(tiny, monkeypatch, tmp_path):
    monkeypatch.setattr("bonaface.bundle.embedded_bundles", lambda: {"small": tiny, "other": tmp_path})
    assert load().card.id == "tiny 1"
    assert load("small").card.id == "tiny 1"
    with pytest.raises(BundleError, match=r"must be a bundle; it has no bundle\.json"):
        load("other")


def test_a_folder_at_hand_is_meant_before_an_embedded_bundle_of_its_name(tiny, monkeypatch, tmp_path):
    monkeypatch.setattr("bonaface.bundle.embedded_bundles", lambda: {"nano": tmp_path / "nowhere"})
    (tmp_path / "nano").symlink_to(tiny)
    monkeypatch.chdir(tmp_path)
    assert load("nano").card.id == "tiny 1"


def test_a_folder_at_hand_is_never_the_default(tiny, monkeypatch, tmp_path):
    monkeypatch.setattr("bonaface.bundle.embedded_bundles", lambda: {"small": tiny})
    (tmp_path / "small").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load().card.id == "tiny 1"


def test_a_contract_with_yunet_takes_the_fetched_file(tmp_path, monkeypatch):
    folder = tiny_bundle(tmp_path / "bundle", contract=replace(CONTRACT, finder="yunet"))
    monkeypatch.setattr(room, "fetched", lambda name: None)
    with pytest.raises(DownloadError, match="fetch it with: bonaface models fetch yunet"):
        load(folder)
    asked = []
    monkeypatch.setattr(room, "fetched", lambda name: tmp_path / f"{name}.onnx")
    monkeypatch.setattr(room, "finder_for", lambda contract, *, yunet: asked.append(yunet) or FixedFinder())
    load(folder)
    assert asked == [tmp_path / "yunet.onnx"]


def test_a_named_operating_point_moves_the_threshold_alone(tmp_path):
    points = {"strict": StoredThreshold(0.6, 0.5, 0.7, "apcer=0.01", "dev")}
    folder = tiny_bundle(tmp_path / "bundle", threshold=0.9, operating_points=points)
    own, strict = load(folder), load(folder, operating_point="strict")
    assert (own.threshold, strict.threshold) == (0.9, 0.6)
    first, second = own(FILES["astronaut"]), strict(FILES["astronaut"])
    assert (first.outcome, first.threshold) == (Outcome.BONAFIDE, 0.9)
    assert (second.outcome, second.threshold) == (Outcome.ATTACK, 0.6)
    assert first.attack_score == second.attack_score
    assert strict(b"").threshold == 0.6
    with pytest.raises(BundleError, match="must be one of the bundle tiny 1: strict; got 'balanced'"):
        load(folder, operating_point="balanced")


def test_an_attack_is_told_by_species_the_likeliest_first(tmp_path):
    gate = load(tiny_bundle(tmp_path / "bundle", told=TOLD))
    verdict = gate(astronaut())
    score = verdict.attack_score
    assert list(verdict.species_scores.items()) == [
        ("faceswap", pytest.approx(score)),
        ("print", pytest.approx(1 - score)),
    ]
    assert verdict.likeliest_species == "faceswap"
    assert verdict.detail == (
        f"attack_score {score:.3f} reaches the threshold 0.500; mostly physical evidence, most like faceswap ({score:.0%})"
    )
    assert verdict.as_dict()["species_scores"] == dict(verdict.species_scores)


def test_what_is_no_attack_is_of_no_species(tmp_path):
    verdict = load(tiny_bundle(tmp_path / "bundle", told=TOLD, threshold=0.9))(astronaut())
    assert verdict.outcome is Outcome.BONAFIDE
    assert verdict.species_scores == {}
    assert verdict.likeliest_species is None


def test_a_bundle_without_species_tells_none(gate):
    verdict = gate(astronaut())
    assert (verdict.outcome, verdict.species_scores) == (Outcome.ATTACK, {})
