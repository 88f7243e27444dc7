from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from bonaface import bundle as room
from bonaface.bundle import (
    SELF_TEST_TOLERANCE,
    StoredThreshold,
    bundle_folder,
    check_self_test,
    describe_model,
    read_card,
    self_test_crops,
    write_card,
)
from bonaface.errors import BundleError
from tiny_bundle import tiny_bundle, with_other_model, write_model


@pytest.fixture
def folder(tmp_path):
    return tiny_bundle(tmp_path / "bundle")


def altered(folder, *path, value):
    """Change one value of bundle.json; the last word of `path` may be new."""
    file = folder / "bundle.json"
    plain = place = json.loads(file.read_text())
    for word in path[:-1]:
        place = place[word]
    place[path[-1]] = value
    file.write_text(json.dumps(plain))


def refusal(folder):
    with pytest.raises(BundleError) as caught:
        read_card(folder)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_what_is_written_is_read(folder, tmp_path):
    card = read_card(folder)
    (tmp_path / "again").mkdir()
    (tmp_path / "again/model.onnx").write_bytes((folder / "model.onnx").read_bytes())
    write_card(tmp_path / "again", card)
    assert read_card(tmp_path / "again") == card
    assert (tmp_path / "again/bundle.json").read_bytes() == (folder / "bundle.json").read_bytes()
    assert card.id == "tiny 1"
    assert card.threshold.value == 0.5


def test_the_card_keeps_what_people_write(folder):
    card = replace(read_card(folder), notes=("ångström, 顔",), training={"seed": 1, "rates": [0.5, None]})
    write_card(folder, card)
    assert read_card(folder) == card
    assert "顔" in (folder / "bundle.json").read_text(encoding="utf-8")


def test_a_folder_without_a_card(tmp_path):
    said = f"{tmp_path} must be a bundle; it has no bundle.json; give the folder that export wrote"
    assert refusal(tmp_path) == said


@pytest.mark.parametrize(
    ("name", "tail"),
    [
        ("smal", "did you mean 'small'?"),
        ("runs/mine", "check the name or the path"),
    ],
)
def test_a_name_or_a_folder_that_is_not_there(tmp_path, monkeypatch, name, tail):
    monkeypatch.chdir(tmp_path)
    assert refusal(bundle_folder(name)) == (
        f"a bundle must be the name of an embedded one (small, nano) or a bundle's folder; got '{name}', which is neither; {tail}"
    )


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"9" * 5000], ids=["empty", "cut", "binary", "deep", "big"]
)  # fmt: skip
def test_a_card_that_is_not_json(folder, data):
    (folder / "bundle.json").write_bytes(data)
    said = f"{folder / 'bundle.json'} must be JSON; it is not; get the bundle again"
    assert refusal(folder) == said


@pytest.mark.parametrize("data", [b"[]", b"null", b"{}"])
def test_json_that_is_no_card(folder, data):
    (folder / "bundle.json").write_bytes(data)
    assert "must have schema_version 1; it has None; update bonaface" in refusal(folder)


def test_another_schema(folder):
    altered(folder, "schema_version", value=2)
    assert refusal(folder).endswith("must have schema_version 1; it has 2; update bonaface")


@pytest.mark.parametrize("path", [("colour",), ("contract", "colour"), ("model", "colour")])
def test_an_unknown_key(folder, path):
    altered(folder, *path, value=1)
    assert f": {'.'.join(path)}: " in refusal(folder)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("threshold", "value"), "0.5"),
        (("contract", "size"), 64.5),
        (("contract", "size"), "64"),
        (("contract", "finder"), "mtcnn"),
        (("contract", "mean"), [0.5, 0.5]),
        (("labels",), "bonafide"),
        (("self_test", "attack_scores"), [None]),
        (("training_data",), [{"source": "x"}]),
        (("name",), 7),
    ],
)
def test_a_value_of_another_type(folder, path, value):
    altered(folder, *path, value=value)
    sentence = refusal(folder)
    assert f"bundle.json: {'.'.join(path)}" in sentence
    assert sentence.endswith("; get the bundle again")


@pytest.mark.parametrize("missing", ["threshold", "contract", "model", "self_test", "licence"])
def test_a_key_too_few(folder, missing):
    plain = json.loads((folder / "bundle.json").read_text())
    del plain[missing]
    (folder / "bundle.json").write_text(json.dumps(plain))
    assert f": {missing}: " in refusal(folder)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(-0.1, -0.1, 0.5), (1.5, 0.5, 1.5), (0.4, 0.5, 0.6), (0.7, 0.5, 0.6), (float("nan"), 0.0, 1.0)],
)
def test_a_threshold_outside_its_range(folder, value, low, high):
    altered(
        folder, "threshold", value={"value": value, "low": low, "high": high, "rule": "eer", "split": "dev"}
    )
    said = f"a threshold must be in [0, 1] and within its interval; got {value} in [{low}, {high}]"
    assert said in refusal(folder)


POINT = {"value": 0.3, "low": 0.2, "high": 0.4, "rule": "apcer=0.01", "split": "dev"}


def test_named_operating_points(folder):
    altered(folder, "operating_points", value={"strict": POINT})
    card = read_card(folder)
    assert card.threshold_at("strict") == StoredThreshold(**POINT)
    assert card.threshold_at(None) == card.threshold
    with pytest.raises(BundleError) as error:
        card.threshold_at("strikt")
    assert str(error.value) == (
        f"the operating point must be one of the bundle {card.id}: strict; got 'strikt'; did you mean 'strict'?"
    )


def test_an_operating_point_outside_its_range(folder):
    altered(folder, "operating_points", value={"strict": {**POINT, "low": 0.35}})
    assert "got 0.3 in [0.35, 0.4]" in refusal(folder)


@pytest.mark.parametrize("size", [0, -1, 1_000_000])
def test_a_size_that_nobody_can_make(folder, size):
    altered(folder, "contract", "size", value=size)
    assert f"contract.size must be 1 to 4096 pixels; got {size}" in refusal(folder)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("margin_ratio", -0.5, "contract.margin_ratio must be -0.4 to 4.0; got -0.5"),
        ("margin_ratio", 40.0, "contract.margin_ratio must be -0.4 to 4.0; got 40.0"),
        ("min_face_px", 0, "contract.min_face_px must be at least 1; got 0"),
        ("through_size", 0, "contract.through_size must be 1 to 4096 pixels; got 0"),
    ],
)
def test_a_contract_that_cuts_something_else_than_the_face(folder, name, value, sentence):
    altered(folder, "contract", name, value=value)
    assert sentence in refusal(folder)


def test_families_are_words_of_the_vocabulary(folder):
    altered(folder, "families", value=["physical", "digitall"])
    assert "families must be of physical, digital; got 'digitall'; did you mean 'digital'?" in refusal(folder)
    altered(folder, "families", value=["physical", "physical"])
    assert "families must be named once each" in refusal(folder)
    altered(folder, "families", value=[])
    assert "self_test must have a score of each family, of none; it has not; get the bundle again" in refusal(
        folder
    )


def test_a_model_that_is_missing(folder):
    (folder / "model.onnx").unlink()
    assert refusal(folder) == (
        f"{folder} must have the model file model.onnx; it has not; get the bundle again"
    )


@pytest.mark.parametrize("name", ["../model.onnx", "sub/model.onnx", "/etc/hostname", "", ".", "..", "a\0b"])
def test_a_model_elsewhere(folder, name):
    (folder / "sub").mkdir()
    for place in (folder.parent, folder / "sub"):
        (place / "model.onnx").write_bytes((folder / "model.onnx").read_bytes())
    altered(folder, "model", "file", value=name)
    assert "must have the model file" in refusal(folder)


def test_an_absolute_path_to_the_right_model(folder):
    altered(folder, "model", "file", value=str(folder / "model.onnx"))
    assert "must have the model file" in refusal(folder)


def test_a_cut_model(folder):
    data = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(data[: len(data) // 2])
    assert f"must have {len(data)} bytes; it has {len(data) // 2}; it was altered or cut" in refusal(folder)


def test_an_altered_model(folder):
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.onnx").write_bytes(data)
    want = read_sha256(folder)
    got = hashlib.sha256(data).hexdigest()
    assert f"must have the sha256 {want[:12]}...; it has {got[:12]}...; it was altered or cut" in refusal(
        folder
    )


def read_sha256(folder):
    return json.loads((folder / "bundle.json").read_text())["model"]["sha256"]


def test_a_model_is_described_by_its_bytes(folder):
    data = (folder / "model.onnx").read_bytes()
    found = describe_model(folder / "model.onnx")
    assert asdict(found) == {
        "file": "model.onnx",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


# These bytes are part of every bundle: whoever changes them makes all bundles fail their self-test.
# python -c "import hashlib, bonaface.bundle as b; print(hashlib.sha256(b.self_test_crops(160).tobytes()).hexdigest())"
@pytest.mark.parametrize(
    ("size", "sha256"),
    [
        (64, "1507c9a7445a0179017e7771a019e3260141720928396b68cb44a41b0cfbc451"),
        (160, "ef5eab67f8a071b616c86a4a72855e81be92b2b8d5eab28debd9e174244bc411"),
    ],
)
def test_the_self_test_crops_are_golden(size, sha256):
    crops = self_test_crops(size)
    assert (crops.shape, crops.dtype) == ((4, size, size, 3), np.uint8)
    assert hashlib.sha256(crops.tobytes()).hexdigest() == sha256


def test_the_self_test_crops_tell_channels_and_sides_apart():
    for crop in self_test_crops(32):
        assert not np.array_equal(crop, crop[..., ::-1])
    first = self_test_crops(32)[0]
    assert not np.array_equal(first, first.transpose(1, 0, 2))


def test_self_test_scores_within_the_tolerance(folder):
    card = read_card(folder)
    attack, families = np.array(card.self_test.attack_scores), np.array(card.self_test.family_scores)
    check_self_test(card, attack + 0.9 * SELF_TEST_TOLERANCE, families - 0.9 * SELF_TEST_TOLERANCE)


@pytest.mark.parametrize("spoil", [0.01, -0.01, np.nan, np.inf])
@pytest.mark.parametrize("which", ["attack_score", "family_scores"])
def test_self_test_scores_that_differ(folder, which, spoil):
    card = read_card(folder)
    scores = {
        "attack_score": np.array(card.self_test.attack_scores),
        "family_scores": np.array(card.self_test.family_scores),
    }
    scores[which].flat[-1] += spoil
    with pytest.raises(BundleError) as caught:
        check_self_test(card, *scores.values())
    assert str(caught.value) == (
        f"the bundle tiny 1 must give its own self-test scores; its {which} differs on this machine; "
        "get the bundle again, or another onnxruntime"
    )


def test_self_test_scores_of_another_shape(folder):
    card = read_card(folder)
    with pytest.raises(BundleError, match="its attack_score differs"):
        check_self_test(card, card.self_test.attack_scores[:3], card.self_test.family_scores)


def test_another_model_with_its_right_hash_passes_the_reader(folder, tmp_path):
    """So that the self-test is what refuses it: tests/inference/test_session.py."""
    write_model(tmp_path / "other.onnx", when_alone=0.0)
    with_other_model(folder, read_card(folder), tmp_path / "other.onnx")
    assert read_card(folder).model.sha256 == room.sha256_of(tmp_path / "other.onnx")
