"""Models of a few hundred bytes in every layout, order of colours and activation, with their answers by hand."""

from __future__ import annotations

import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from PIL import Image

from bonaface.errors import BundleError, DownloadError
from bonaface.inference import peer as room
from bonaface.inference.gate import Gate
from bonaface.inference.peer import Peer, attack_score, judge_of, load_peer
from bonaface.inference.peer_contract import PeerOutput, read_peer_card
from bonaface.types import Box, Face
from faces.portraits import astronaut
from tiny_bundle import tiny_bundle

HEAD = '<ir_version: 10, opset_import: ["" : 18]>\n'
MEANS = (
    HEAD
    + """
peer (TYPE[DIMS] x) => (float[VALUES] y)
{
    pixels = Cast <to = 1> (x)
    whole = Constant <value_float = WHOLE> ()
    shares = Div (pixels, whole)
    sides = Constant <value_ints = [SIDES]> ()
    means = ReduceMean <keepdims = 0> (shares, sides)
    which = Constant <value_ints = [WHICH]> ()
    y = Gather <axis = 1> (means, which)
}
"""
)
SAYS = (
    HEAD
    + """
peer (float[1, 3, 8, 8] x) => (float[DIMS] y)
{
    y = Constant <value = float[DIMS] {VALUES}> ()
}
"""
)
PLAIN: dict[str, Any] = {
    "name": "tiny peer",
    "family": "physical",
    "finder": "dlib_hog",
    "crop": {"box": "brows_square", "scale": 1.0, "outside": "clip"},
    "input": {
        "size": [8, 8],
        "interpolation": "linear",
        "layout": "NCHW",
        "channels": "RGB",
        "dtype": "float32",
        "values": "0_1",
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
    },
    "output": {"activation": "none", "polarity": "attack_high"},
}
RED, GREEN, BLUE = 51, 102, 204
COLOUR = np.full((100, 100, 3), (RED, GREEN, BLUE), np.uint8)


def means(
    which: str = "0", *, layout: str = "NCHW", size: tuple[object, object] = (8, 8), kind: str = "float"
) -> str:
    """A model that gives the mean of these channels, in the order that it gets them in; bytes it divides itself."""
    dims, sides = ("1, 3, {}, {}", "2, 3") if layout == "NCHW" else ("1, {}, {}, 3", "1, 2")
    text = MEANS.replace("TYPE", kind).replace("DIMS", dims.format(*size)).replace("SIDES", sides)
    text = text.replace("WHOLE", "1.0" if kind == "float" else "255.0")
    return text.replace("WHICH", which).replace("VALUES", f"1, {which.count(',') + 1}")


def says(values: str, dims: str) -> str:
    """A model that says the same of everything."""
    return SAYS.replace("DIMS", dims).replace("VALUES", values)


def changed(plain: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """With values replaced, also below: input={'layout': 'NHWC'}."""
    return {
        **plain,
        **{k: {**plain[k], **v} if isinstance(v, dict) and k in plain else v for k, v in changes.items()},
    }


def output(**declared: Any) -> dict[str, Any]:
    return {**{k: v for k, v in PLAIN.items() if k != "output"}, "output": {"activation": "none", **declared}}


def folder(path: Path, model: str, plain: Any = PLAIN) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    onnx.save(onnx.parser.parse_model(model), path / "model.onnx")
    (path / "peer.json").write_text(plain if isinstance(plain, str) else json.dumps(plain))
    return path


class FixedFinder:
    """Whatever it was given."""

    name = "dlib_hog"

    def __init__(self, *boxes: Box) -> None:
        self.faces = tuple(Face(box, 1.0) for box in boxes)

    def find(self, picture: np.ndarray) -> tuple[Face, ...]:
        return self.faces


@pytest.fixture
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A face in the middle of every picture."""
    monkeypatch.setattr(room, "finder_for", lambda contract, *, yunet: FixedFinder(Box(20, 20, 80, 80)))


def score(path: Path, model: str, plain: Any = PLAIN) -> float | None:
    return load_peer(folder(path, model, plain))(COLOUR).attack_score


# Inputs: the model gives the mean of its first channel, and so tells what was put there.


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("channels", "first"), [("RGB", RED), ("BGR", BLUE)])
@pytest.mark.parametrize("kind", ["float", "uint8"])
def test_layouts_and_orders_of_colours(fixed, tmp_path, layout, channels, first, kind) -> None:
    is_float = kind == "float"
    given = {
        "layout": layout, "channels": channels, "dtype": "float32" if is_float else "uint8",
        "values": "0_1" if is_float else "0_255",
    }  # fmt: skip
    found = score(tmp_path, means(layout=layout, kind=kind), changed(PLAIN, input=given))
    assert found == pytest.approx(first / 255, rel=1e-5)


def test_mean_and_deviation(fixed, tmp_path) -> None:
    plain = changed(PLAIN, input={"mean": [0.1, 9.0, 9.0], "std": [0.25, 9.0, 9.0]})
    assert score(tmp_path, means(), plain) == pytest.approx((0.2 - 0.1) / 0.25)
    plain = changed(PLAIN, input={"values": "0_255", "mean": [0, 0, 0], "std": [102, 1, 1]})
    assert score(tmp_path, means(), plain) == pytest.approx(0.5)


def test_the_crop_is_the_peers(fixed, tmp_path) -> None:
    """The face is white and all around it black: a crop of twice the side is white in a quarter."""
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[20:80, 20:80] = 255
    wide = changed(
        PLAIN, crop={"scale": 2.0, "outside": "black"}, input={"interpolation": "area", "size": [8, 8]}
    )
    assert load_peer(folder(tmp_path / "wide", means(), wide))(picture).attack_score == pytest.approx(
        0.25, abs=1e-6
    )
    assert load_peer(folder(tmp_path / "near", means()))(picture).attack_score == 1


def test_a_size_that_is_no_square(fixed, tmp_path) -> None:
    plain = changed(PLAIN, input={"size": [4, 6]})
    assert score(tmp_path, means(size=(4, 6)), plain) == pytest.approx(0.2)
    assert score(tmp_path, means(size=("H", "W")), plain) == pytest.approx(0.2)


# Outputs


def test_probabilities_in_a_vector(fixed, tmp_path) -> None:
    vector = means("0, 1, 2")
    assert score(tmp_path, vector, output(bonafide_index=2)) == pytest.approx(1 - 0.8)
    assert score(tmp_path, vector, output(attack_index=1)) == pytest.approx(0.4)


def test_softmax_by_hand(fixed, tmp_path) -> None:
    """Logits 1, 2 and 4 once the channels are divided by 51."""
    plain = changed(
        output(activation="softmax", bonafide_index=1), input={"values": "0_255", "std": [51.0] * 3}
    )
    whole = math.e + math.e**2 + math.e**4
    assert score(tmp_path, means("0, 1, 2"), plain) == pytest.approx((math.e + math.e**4) / whole, rel=1e-6)
    plain["output"] = {"activation": "softmax", "attack_index": 2}
    assert score(tmp_path, means("0, 1, 2"), plain) == pytest.approx(math.e**4 / whole, rel=1e-6)


@pytest.mark.parametrize(("polarity", "expected"), [("attack_high", 0.75), ("bonafide_high", 0.25)])
def test_a_single_number_either_way(fixed, tmp_path, polarity, expected) -> None:
    plain = changed(
        output(activation="sigmoid", polarity=polarity),
        input={"values": "0_255", "std": [51 / math.log(3)] * 3},
    )
    assert score(tmp_path, means(), plain) == pytest.approx(expected, rel=1e-6)


def test_a_map_is_averaged(fixed, tmp_path) -> None:
    plain = output(polarity="bonafide_high", pooling="mean")
    assert score(tmp_path, says("0, 0.5, 0.25, 0.25", "1, 1, 2, 2"), plain) == 0.75


TWO = (
    HEAD
    + """
peer (float[1, 3, 8, 8] x, float[1] other) => (float[1] map, float[1] binary)
{
    map = Constant <value_floats = [0.25]> ()
    binary = Constant <value_floats = [0.5]> ()
}
"""
)


def test_one_of_several_outputs_by_name(fixed, tmp_path) -> None:
    one = TWO.replace(", float[1] other", "")
    assert score(tmp_path, one, output(polarity="attack_high", name="binary")) == 0.5
    assert score(tmp_path, one, output(polarity="attack_high", name="map")) == 0.25


@pytest.mark.parametrize("value", ["1.5", "-0.5", "1.0000001", "nan", "inf"])
def test_a_number_outside_is_no_decision_and_never_clipped(fixed, monkeypatch, tmp_path, value) -> None:
    peer = load_peer(folder(tmp_path, says("0.5", "1")))
    monkeypatch.setattr(peer, "values", lambda tensor: np.array([float(value)], np.float32))
    verdict = peer(COLOUR)
    assert (verdict.outcome, verdict.reason, verdict.attack_score) == (
        "no_decision",
        "non_finite_score",
        None,
    )
    assert verdict.detail == "tiny peer gave no number in [0, 1]; declare the right activation in peer.json"
    assert (verdict.num_faces, verdict.box, verdict.family_scores) == (1, Box(20, 20, 80, 80), {})


@pytest.mark.parametrize(
    ("values", "declared"),
    [
        ([0.3, 2.0], {"activation": "none", "attack_index": 0}),  # logits that nobody declared
        ([0.3, math.nan], {"activation": "softmax", "attack_index": 0}),
        ([math.inf, 1.0], {"activation": "softmax", "attack_index": 0}),
        ([math.nan], {"activation": "sigmoid", "polarity": "attack_high"}),
        ([0.5, 1.5], {"activation": "none", "polarity": "attack_high", "pooling": "mean"}),
    ],
)
def test_every_value_of_an_output_counts(values, declared) -> None:
    assert attack_score(np.array([values]), PeerOutput(**declared)) is None


def test_extreme_logits_are_probabilities() -> None:
    high = PeerOutput(activation="sigmoid", polarity="attack_high")
    assert attack_score(np.array([800.0]), high) == 1
    assert attack_score(np.array([-800.0]), high) == 0
    assert attack_score(np.array([[900.0, -900.0]]), PeerOutput(activation="softmax", attack_index=0)) == 1


# Verdicts


def test_a_verdict_of_a_peer(fixed, tmp_path) -> None:
    peer = load_peer(folder(tmp_path, means(), PLAIN | {"threshold": 0.2, "family": "digital"}))
    verdict = peer(COLOUR)
    assert verdict.as_dict() == {
        "outcome": "attack",
        "attack_score": pytest.approx(0.2),
        "threshold": 0.2,
        "reason": "digital_evidence",
        "detail": "attack_score 0.200 reaches the threshold 0.200",
        "box": [20, 20, 80, 80],
        "num_faces": 1,
        "bundle": "tiny peer",
        "family_scores": {},
        "species_scores": {},
    }
    below = load_peer(folder(tmp_path, means()))(COLOUR)
    assert (below.outcome, below.reason, below.threshold) == ("bonafide", "below_threshold", 0.5)
    assert below.detail == "attack_score 0.200 stays below the threshold 0.500"


def test_a_score_at_the_threshold_is_an_attack(fixed, tmp_path) -> None:
    assert load_peer(folder(tmp_path, says("0.5", "1")))(COLOUR).outcome == "attack"


def test_the_largest_face_and_every_face(monkeypatch, tmp_path) -> None:
    boxes = Box(0, 0, 60, 60), Box(70, 0, 95, 25), Box(500, 0, 520, 20)
    monkeypatch.setattr(room, "finder_for", lambda contract, *, yunet: FixedFinder(*boxes))
    peer = load_peer(folder(tmp_path, means()))
    found = peer.every_face(COLOUR)
    assert [one.outcome for one in found] == ["bonafide", "bonafide", "no_decision"]
    assert [one.box for one in found] == list(boxes)
    assert {one.num_faces for one in found} == {3}
    assert found[2].reason == "no_face"
    assert peer(COLOUR) == found[0]


def test_a_picture_with_nothing_to_judge(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(room, "finder_for", lambda contract, *, yunet: FixedFinder())
    peer = load_peer(folder(tmp_path, means()))
    for source, reason in (
        (COLOUR, "no_face"),
        (b"text", "not_an_image"),
        (tmp_path / "no.jpg", "not_found"),
    ):
        for verdict in (peer(source), *peer.every_face(source)):
            assert (verdict.outcome, verdict.reason) == ("no_decision", reason)
            assert (verdict.bundle, verdict.threshold) == ("tiny peer", 0.5)


@pytest.mark.parametrize("stage", ["finder", "model"])
def test_what_breaks_is_no_decision(fixed, monkeypatch, tmp_path, stage) -> None:
    peer = load_peer(folder(tmp_path, means()))

    def broken(*_: object) -> None:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr(*((FixedFinder, "find") if stage == "finder" else (Peer, "values")), broken)
    verdict = peer(COLOUR)
    assert (verdict.outcome, verdict.reason) == ("no_decision", "internal_error")
    assert verdict.detail == "the picture could not be judged (RuntimeError: first second); report it"
    assert verdict.num_faces == (0 if stage == "finder" else 1)


def test_a_portrait_from_its_file_to_its_score(tmp_path) -> None:
    """With the real finder; the witness is the mean over the picture itself."""
    peer = load_peer(folder(tmp_path, means(), changed(PLAIN, input={"interpolation": "area"})))
    verdict = peer(astronaut())
    x1, y1, x2, y2 = (round(v) for v in verdict.as_dict()["box"])
    red = astronaut()[y1:y2, x1:x2, 0]
    assert verdict.attack_score == pytest.approx(red.mean() / 255, abs=2e-3)


def test_threads_get_what_one_gets(fixed, tmp_path) -> None:
    peer = load_peer(folder(tmp_path, means()))
    pictures = [np.full((100, 100, 3), value, np.uint8) for value in range(0, 240, 10)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(peer, pictures)) == [peer(picture) for picture in pictures]


def test_the_card_has_what_a_bundles_card_has(fixed, tmp_path) -> None:
    peer = load_peer(folder(tmp_path, means()))
    assert peer.card == read_peer_card(tmp_path)
    assert (peer.card.id, peer.card.families) == ("tiny peer", ())
    assert (peer.card.model.file, len(peer.card.model.sha256)) == ("model.onnx", 64)
    assert peer.card.contract.input.size == (8, 8)


# Contracts that do not fit

KEYS = "box, scale, outside, min_face_px"
BAD = [
    (PLAIN | {"familly": "x"}, "there is no key 'familly'; did you mean 'family'?"),
    (changed(PLAIN, crop={"scal": 1}), "there is no key 'crop.scal'; did you mean 'scale'?"),
    (changed(PLAIN, crop={"zz": 1}), f"there is no key 'crop.zz'; the keys there are {KEYS}"),
    (changed(PLAIN, input={"chanels": 1}), "there is no key 'input.chanels'; did you mean 'channels'?"),
    (changed(PLAIN, output={"bonafide": 1}), "there is no key 'output.bonafide'; did you mean 'bonafide_index'?"),
    ({k: v for k, v in PLAIN.items() if k != "finder"}, "finder: Field required"),
    (PLAIN | {"input": {}}, "input.size: Field required"),
    (PLAIN | {"finder": "mtcnn"}, "finder: Input should be 'dlib_hog' or 'yunet'; got 'mtcnn'"),
    (PLAIN | {"family": "both"}, "family: Input should be 'physical' or 'digital'; got 'both'"),
    (changed(PLAIN, input={"size": 8}), "input.size: Input should be a valid array; got 8"),
    ("{", "Invalid JSON: EOF while parsing an object at line 1 column 1"),
    (PLAIN | {"name": ""}, "name must be a word; it is empty; name the model"),
    (PLAIN | {"threshold": 1.5}, "threshold must be in [0, 1]; got 1.5; correct it"),
    (changed(PLAIN, crop={"scale": 27}), "crop.scale must be 0.1 to 10; got 27.0; correct it"),
    (changed(PLAIN, crop={"min_face_px": 0}), "crop.min_face_px must be at least 1; got 0; correct it"),
    (changed(PLAIN, input={"size": [0, 8]}), "input.size must be 1 to 4096 pixels; got [0, 8]; correct it"),
    (
        changed(PLAIN, input={"std": [1, 0, 1]}),
        "input.mean and input.std must be finite, std not 0; got [0.0, 0.0, 0.0] and [1.0, 0.0, 1.0]; correct them",
    ),
    (
        changed(PLAIN, input={"dtype": "uint8"}),
        "input.dtype uint8 must come with values 0_255, mean 0 and std 1; it does not; correct one of them",
    ),
    (
        output(),
        "output must have one of bonafide_index, attack_index and polarity; got none; keep one",
    ),
    (
        output(bonafide_index=0, polarity="attack_high"),
        "output must have one of bonafide_index, attack_index and polarity; got bonafide_index and polarity; keep one",
    ),
    (
        output(attack_index=0, pooling="mean"),
        "output.pooling averages single numbers and must come with polarity; got an index; correct one of them",
    ),
    (
        output(activation="softmax", polarity="attack_high"),
        "output.activation softmax must come with an index; got polarity, and the softmax of one number is 1; "
        "declare sigmoid or an index",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("plain", "message"), BAD)
def test_a_contract_that_does_not_fit(tmp_path, plain, message) -> None:
    with pytest.raises(BundleError) as error:
        load_peer(folder(tmp_path, means(), plain))
    assert str(error.value) == f"{tmp_path / 'peer.json'}: {message}"


def test_a_hash_that_is_not_the_files(fixed, tmp_path) -> None:
    folder(tmp_path, means())
    found = read_peer_card(tmp_path).model.sha256
    assert load_peer(folder(tmp_path, means(), PLAIN | {"sha256": found}))(COLOUR).outcome == "bonafide"
    with pytest.raises(BundleError) as error:
        load_peer(folder(tmp_path, means(), PLAIN | {"sha256": "0" * 64}))
    assert str(error.value) == (
        f"{tmp_path / 'model.onnx'} must have the sha256 000000000000...; it has {found[:12]}...; "
        "get the model again, or correct peer.json"
    )


@pytest.mark.parametrize("name", ["peer.json", "model.onnx"])
def test_a_file_that_is_missing(tmp_path, name) -> None:
    (folder(tmp_path, means()) / name).unlink()
    with pytest.raises(BundleError) as error:
        load_peer(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} must be a peer's folder with peer.json and model.onnx; it has no {name}; add it"
    )


# Models that are not what their contract says

UNLIKE = {
    "another size": (means(size=(4, 8)), PLAIN,
                     "the model must take [1, 3, 8, 8], as peer.json says; it takes [1, 3, 4, 8]; correct size or layout"),
    "another layout": (means(layout="NHWC"), PLAIN,
                       "the model must take [1, 3, 8, 8], as peer.json says; it takes [1, 8, 8, 3]; "
                       "correct size or layout"),
    "no picture": (HEAD + "peer (float[1, 4] x) => (float[1] y) { y = Constant <value_floats = [0.5]> () }", PLAIN,
                   "the model must take [1, 3, 8, 8], as peer.json says; it takes [1, 4]; correct size or layout"),
    "another type": (means(kind="uint8"), PLAIN,
                     "the model must take tensor(float), as peer.json says; it takes tensor(uint8); correct dtype"),
    "two inputs": (TWO, PLAIN, "the model must have the only one for its input; it has x, other; name one in peer.json"),
    "two outputs": (TWO.replace(", float[1] other", ""), PLAIN,
                    "the model must have the only one for its output; it has map, binary; name one in peer.json"),
    "another name": (means(), changed(PLAIN, input={"name": "data"}),
                     "the model must have 'data' for its input; it has x; name one in peer.json"),
    "a vector": (means("0, 1"), PLAIN,
                 "the output must be one number; it has the shape [1, 2]; declare an index, or the pooling"),
    "no such index": (means("0, 1"), output(attack_index=2),
                      "the output must be a vector with a value at 2; it has the shape [1, 2]; correct peer.json"),
    "a negative index": (means("0, 1"), output(attack_index=-1),
                         "the output must be a vector with a value at -1; it has the shape [1, 2]; correct peer.json"),
    "no vector": (means(), output(bonafide_index=0),
                  "the output must be a vector with a value at 0; it has the shape [1, 1]; correct peer.json"),
    "a map": (says("0, 0, 0, 0", "1, 1, 2, 2"), output(bonafide_index=0),
              "the output must be a vector with a value at 0; it has the shape [1, 1, 2, 2]; correct peer.json"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNLIKE)
def test_a_model_that_is_not_as_declared(tmp_path, name) -> None:
    model, plain, message = UNLIKE[name]
    with pytest.raises(BundleError) as error:
        load_peer(folder(tmp_path, model, plain))
    assert str(error.value) == message


OPEN = HEAD + "peer (float[] x) => (float[] y) { z = ReduceMean <keepdims = 0> (x) y = Add (z, z) }"


def test_a_model_that_leaves_its_sizes_open(fixed, tmp_path) -> None:
    plain = changed(PLAIN, input={"values": "0_255", "std": [1020.0] * 3})
    expected = 2 * (RED + GREEN + BLUE) / 3 / 1020
    assert score(tmp_path, OPEN, plain) == pytest.approx(expected)


def test_a_model_that_fails_on_what_is_declared(tmp_path) -> None:
    needs_four = (
        HEAD
        + """
    peer (float[1, 3, H, W] x) => (float[1] y)
    { shape = Constant <value_ints = [1, 48]> () z = Reshape (x, shape) y = ReduceMean <keepdims = 0> (z) }
    """
    )
    with pytest.raises(BundleError) as error:
        load_peer(folder(tmp_path, needs_four))
    assert str(error.value).startswith(
        f"{tmp_path / 'model.onnx'} must judge a grey crop of [1, 3, 8, 8]; it fails ("
    )
    assert "\n" not in str(error.value)


def test_a_model_that_is_none(tmp_path) -> None:
    (folder(tmp_path, means()) / "model.onnx").write_bytes(b"no model")
    with pytest.raises(BundleError) as error:
        load_peer(tmp_path)
    assert str(error.value).startswith(
        f"{tmp_path / 'model.onnx'} must be an ONNX model; it can not be opened ("
    )


# Finders


def test_yunet_is_fetched_or_given(monkeypatch, tmp_path) -> None:
    asked: list[tuple[str, Path | None]] = []

    def finder_for(contract: Any, *, yunet: Path | None) -> FixedFinder:
        asked.append((contract.finder, yunet))
        return FixedFinder()

    monkeypatch.setattr(room, "finder_for", finder_for)
    monkeypatch.setattr(room, "fetched", lambda name: tmp_path / f"{name}.onnx")
    load_peer(folder(tmp_path, means()))
    load_peer(folder(tmp_path, means()), yunet="mine.onnx")
    load_peer(folder(tmp_path, means(), PLAIN | {"finder": "yunet"}))
    assert asked == [
        ("dlib_hog", None), ("dlib_hog", Path("mine.onnx")), ("yunet", tmp_path / "yunet.onnx"),
    ]  # fmt: skip


def test_yunet_that_was_not_fetched(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(room, "fetched", lambda name: None)
    with pytest.raises(DownloadError, match="fetch it with: bonaface models fetch yunet"):
        load_peer(folder(tmp_path, means(), PLAIN | {"finder": "yunet"}))


# Either kind of folder


def test_a_folder_is_a_gates_or_a_peers(tmp_path) -> None:
    peer, bundle = folder(tmp_path / "peer", means()), tiny_bundle(tmp_path / "bundle")
    assert isinstance(judge_of(peer), Peer)
    assert isinstance(judge_of(str(bundle), num_threads=2), Gate)
    (tmp_path / "empty").mkdir()
    (bundle / "peer.json").write_text("{}")
    for place, found in ((tmp_path / "empty", "neither"), (bundle, "both")):
        with pytest.raises(BundleError) as error:
            judge_of(place)
        assert str(error.value) == (
            f"{place} must have bundle.json or peer.json; it has {found}; give a bundle or a peer's folder"
        )


def test_a_folder_that_is_not_there(tmp_path) -> None:
    with pytest.raises(
        BundleError, match=r"^a bundle must be the name of an embedded one .*; did you mean 'nano'\?$"
    ):
        judge_of("nanno")


# The guide: its contracts with models of the published form, and its Python

GUIDE = (Path(__file__).parents[2] / "docs/guides/measure-another-detector.md").read_text(encoding="utf-8")
CONTRACTS = dict(re.findall(r"^`([\w-]+)/peer.json`:\n\n```json\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL))
PIXBIS = (
    HEAD
    + """
peer (float[1, 3, 224, 224] x) => (float[1, 1, 3, 224] map, float[1, 1] binary)
{
    sides = Constant <value_ints = [2]> ()
    means = ReduceMean <keepdims = 0> (x, sides)
    first = Constant <value_ints = [1]> ()
    map = Unsqueeze (means, first)
    every = Constant <value_ints = [2, 3]> ()
    binary = ReduceMean <keepdims = 0> (map, every)
}
"""
)
PUBLISHED = {
    # Logits are the means of blue, green and red: 3, 2 and 1.
    "minifasnet": (
        means("0, 1, 2", size=(80, 80)),
        (1, 2, 3),
        1 - math.e**2 / (math.e + math.e**2 + math.e**3),
    ),
    # Chances are red and green after mean and deviation; the first is the genuine one.
    "mn3": (means("0, 1", size=(128, 128)), (204, 153, 0), 1 - (204 / 255 - 0.5931) / 0.2471),
    # 0.6, 0.2 and 1.0 in three parts of the map.
    "pixbis": (PIXBIS, (204, 153, 255), 1 - 1.8 / 3),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_guides_contracts(fixed, tmp_path, name) -> None:
    model, colour, expected = PUBLISHED[name]
    verdict = load_peer(folder(tmp_path, model, CONTRACTS[name]))(np.full((100, 100, 3), colour, np.uint8))
    assert verdict.attack_score == pytest.approx(expected, abs=1e-5)
    assert set(CONTRACTS) == set(PUBLISHED)


def test_the_guides_python(fixed, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    folder(Path("minifasnet"), PUBLISHED["minifasnet"][0], CONTRACTS["minifasnet"])
    Image.fromarray(np.full((100, 100, 3), 90, np.uint8)).save("face.jpg")
    (code,) = re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    exec(code, {})
    assert float(capsys.readouterr().out) == pytest.approx(2 / 3, abs=1e-3)  # grey: three logits alike


def test_weights_beside_the_model_are_part_of_what_it_is(tmp_path) -> None:
    """Scores that are kept under the model's hash are not those of other weights in the same graph."""
    place = folder(tmp_path, says("0, 1", "1, 2"))
    hashes = {read_peer_card(place).model.sha256}
    for weights in (b"one", b"two"):
        (place / "model.onnx.data").write_bytes(weights)
        hashes.add(read_peer_card(place).model.sha256)
    assert len(hashes) == 3
