from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnx.parser
import pytest

from bonaface.bundle import SelfTest, describe_model, read_card, write_card
from bonaface.errors import BundleError
from bonaface.inference.session import Session
from tiny_bundle import TOLD, tiny_bundle, with_other_model

HEAD = '<ir_version: 10, opset_import: ["" : 18]>\n'


def graph(path, text):
    onnx.save(onnx.parser.parse_model(HEAD + text), path)
    return path


def refusal(folder):
    with pytest.raises(BundleError) as caught:
        Session(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_scores_are_what_the_graph_says(tiny):
    crops = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), np.uint8)
    found = Session(tiny).score(crops)
    red = crops[..., 0].reshape(5, -1).mean(1) / 255
    np.testing.assert_allclose(found.attack, red, atol=1e-6)
    np.testing.assert_allclose(found.families, np.stack([red, 1 - red], 1), atol=1e-6)
    assert found.attack.dtype == found.families.dtype == np.float64


def test_a_view_of_memory_in_another_order_scores_alike(tiny):
    session = Session(tiny)
    crops = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    flipped = np.asfortranarray(crops[:, ::-1, :, ::-1])
    np.testing.assert_array_equal(session.score(flipped).attack, session.score(flipped.copy()).attack)


@pytest.mark.parametrize("given", [float("nan"), float("inf"), -0.001, 1.5])
def test_what_is_no_score_is_nan(tmp_path, given):
    session = Session(tiny_bundle(tmp_path / "bundle", when_alone=given))
    assert np.isnan(session.score(np.zeros((1, 64, 64, 3), np.uint8)).attack[0])
    assert np.isfinite(session.score(np.zeros((2, 64, 64, 3), np.uint8)).attack).all()


@pytest.mark.parametrize("given", [0.0, 1.0])
def test_the_ends_are_scores(tmp_path, given):
    session = Session(tiny_bundle(tmp_path / "bundle", when_alone=given))
    assert session.score(np.zeros((1, 64, 64, 3), np.uint8)).attack[0] == given


def test_a_self_test_that_differs(tmp_path):
    folder = tiny_bundle(tmp_path / "bundle")
    other = graph(
        tmp_path / "other.onnx",
        """other (uint8[batch, h, w, 3] crop) => (float[batch] attack_score, float[batch, 2] family_scores) {
            pixels = Cast <to = 1> (crop)
            sides = Constant <value_ints = [1, 2]> ()
            means = ReduceMean <keepdims = 0> (pixels, sides)
            white = Constant <value_float = 255.0> ()
            bright = Div (means, white)
            blue_at = Constant <value_int = 2> ()
            attack_score = Gather <axis = 1> (bright, blue_at)
            two = Constant <value_ints = [0, 2]> ()
            family_scores = Gather <axis = 1> (bright, two)
        }""",
    )
    with_other_model(folder, read_card(folder), other)
    assert refusal(folder) == (
        "the bundle tiny 1 must give its own self-test scores; its attack_score differs on this machine; "
        "get the bundle again, or another onnxruntime"
    )


def test_a_model_that_always_gives_nan_is_refused_even_if_its_card_says_so(tmp_path):
    folder = tiny_bundle(tmp_path / "bundle")
    card = read_card(folder)
    nan = float("nan")
    write_card(folder, replace(card, self_test=SelfTest((nan,) * 4, ((nan, nan),) * 4)))
    with pytest.raises(BundleError):
        Session(folder)


def test_a_file_that_is_no_model(tmp_path):
    folder = tiny_bundle(tmp_path / "bundle")
    (folder / "model.onnx").write_bytes(b"no graph")
    write_card(folder, replace(read_card_unchecked(folder), model=describe_model(folder / "model.onnx")))
    sentence = refusal(folder)
    assert sentence.startswith(f"{folder / 'model.onnx'} must be an ONNX model; it can not be opened (")


def read_card_unchecked(folder):
    """The card of the bundle beside the one whose model was replaced."""
    return read_card(tiny_bundle(folder.parent / "whole"))


def test_a_model_of_other_names(tmp_path):
    folder = tiny_bundle(tmp_path / "bundle")
    other = graph(
        tmp_path / "other.onnx",
        "other (uint8[batch, h, w, 3] image) => (float[batch, h, w, 3] liveness) { liveness = Cast <to = 1> (image) }",
    )
    with_other_model(folder, read_card(folder), other)
    assert refusal(folder) == (
        f"{folder / 'model.onnx'} must take 'crop' and give attack_score and family_scores; it does not"
    )


def test_a_model_of_another_input_type(tmp_path, capfd):
    folder = tiny_bundle(tmp_path / "bundle")
    other = graph(
        tmp_path / "other.onnx",
        """other (float[batch, h, w, 3] crop) => (float[batch] attack_score, float[batch, 2] family_scores) {
            sides = Constant <value_ints = [1, 2, 3]> ()
            attack_score = ReduceMean <keepdims = 0> (crop, sides)
            two = Constant <value_ints = [2, 3]> ()
            wide = ReduceMean <keepdims = 0> (crop, two)
            at = Constant <value_ints = [0, 1]> ()
            family_scores = Gather <axis = 1> (wide, at)
        }""",
    )
    with_other_model(folder, read_card(folder), other)
    assert refusal(folder).startswith(f"{folder} must answer its self-test; its model fails (")
    assert capfd.readouterr() == ("", "")


def test_species_belong_to_the_self_test_and_to_the_scores(tmp_path):
    folder = tiny_bundle(tmp_path / "bundle", told=TOLD)
    crops = np.full((2, 64, 64, 3), 51, np.uint8)
    found = Session(folder).score(crops)
    np.testing.assert_allclose(found.species, [[0.8, 0.2]] * 2, atol=1e-6)
    card = read_card(folder)
    other = tuple((a + 0.01, b - 0.01) for a, b in card.self_test.species_scores)
    write_card(folder, replace(card, self_test=replace(card.self_test, species_scores=other)))
    assert "its species_scores differs on this machine" in refusal(folder)
    write_card(folder, replace(card, self_test=replace(card.self_test, species_scores=((1.0,),) * 4)))
    assert "self_test must have a score of each species that is told, print, faceswap" in refusal(folder)


def test_without_species_there_are_no_columns(tmp_path):
    assert Session(tiny_bundle(tmp_path / "bundle")).score(
        np.zeros((3, 64, 64, 3), np.uint8)
    ).species.shape == (3, 0)


def test_a_card_that_promises_species_which_the_model_has_not(tmp_path):
    folder = tiny_bundle(tmp_path / "bundle")
    other = graph(
        tmp_path / "other.onnx",
        """other (uint8[batch, h, w, 3] crop) => (float[batch] attack_score, float[batch, 2] family_scores) {
            pixels = Cast <to = 1> (crop)
            sides = Constant <value_ints = [1, 2, 3]> ()
            attack_score = ReduceMean <keepdims = 0> (pixels, sides)
            columns = Constant <value_ints = [1, 2]> ()
            two = Constant <value_ints = [1, 2]> ()
            means = ReduceMean <keepdims = 0> (pixels, columns)
            family_scores = Gather <axis = 1> (means, two)
        }""",
    )
    with_other_model(folder, replace(read_card(folder), told_species=TOLD), other)
    assert refusal(folder).endswith(
        "must take 'crop' and give attack_score and family_scores and species_scores; it does not"
    )
