"""From the official lists of a protocol to a bundle that is measured on its test split."""

from __future__ import annotations

import json

import pytest

from models.tiny_text import tiny_clip, write_clip_tokenizer
from uniattackdata_slice import write_lists, write_pictures

SETTINGS = {
    "epochs": 1, "batch_size": 2, "num_workers": 0, "mixed_precision": "no", "model.image_size": 32,
    "model.experts.slots_per_expert": 2, "contract.size": 32, "contract.through_size": 43, "data.resize": 43,
}  # fmt: skip


@pytest.fixture
def protocol(tmp_path):
    def write(bonaface, name, **lists):
        write_pictures(tmp_path)
        write_lists(tmp_path / "lists", name, **lists)
        manifest = tmp_path / f"{name}.csv"
        made = bonaface(
            "data", "protocol", "uniattackdata", "--root", tmp_path, "--lists", tmp_path / "lists",
            "--name", name, "--out", manifest,
        )  # fmt: skip
        assert made.code == 0
        return manifest

    return write


def trained(bonaface, manifest, run, *words):
    settings = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={json.dumps(value)}")]
    return bonaface("train", "practical", "--data", manifest, "--out", run, *words, *settings)


@pytest.mark.slow
def test_a_protocol_whose_people_are_in_several_splits(bonaface, protocol, tmp_path):
    write_clip_tokenizer(tmp_path / "clip")
    tiny_clip().save_pretrained(tmp_path / "clip")
    manifest, run, bundle = protocol(bonaface, "p1"), tmp_path / "run", tmp_path / "bundle"
    answer = trained(bonaface, manifest, run, "--weights", tmp_path / "clip")
    assert answer.code == 0
    assert "people are in both train and dev, e.g. " in answer.err
    assert answer.out.splitlines()[-1].startswith("finished: best epoch 1, dev AUC ")
    assert json.loads((run / "run.json").read_text())["num_train"] == 4
    exported = bonaface("export", run, bundle, "--data", manifest)
    assert exported.code == 0
    card = json.loads((bundle / "bundle.json").read_text())
    assert (card["families"], card["contract"]["finder"], card["report"]) == ([], "whole", "report.json")


def test_a_dev_split_that_lacks_a_family_is_told_before_training(bonaface, protocol, tmp_path):
    kinds = {"train": (0, 2, 3), "dev": (0, 2, 3), "test": (0, 1)}
    manifest = protocol(bonaface, "p2.1", kinds=kinds)
    answer = trained(bonaface, manifest, tmp_path / "run")
    assert (
        "note: dev has no physical attacks: a threshold chosen on it says nothing about physical ones\n"
        in answer.err
    )
    assert "note: train has no physical attacks: physical ones are unseen\n" in answer.err
    assert answer.code == 2
    assert "error model.source must say where the encoder's weights are: " in answer.err
    assert not (tmp_path / "run").exists()
