from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import replace

import pytest
import yaml
from huggingface_hub import ModelCard

from bonaface.bundle import (
    BundleCard,
    StoredThreshold,
    ToldSpecies,
    TrainingSource,
    bundle_folder,
    read_card,
)
from bonaface.errors import BundleError, MissingExtraError
from bonaface.evaluation.model_card import model_card
from bonaface.evaluation.report import Report
from bonaface.evaluation.report_file import from_json, to_json
from bonaface.evaluation.reporting import report_from_scores

from .reading import HOSTILE, SHOWN, check, headings, section, tables, words
from .tables import joined, table_of
from .test_factors import TONE, fairness, gap, measured_robustness

RECORD = {
    "recipe": {"name": "tiny_finish", "model": {"size": 8}},
    "command": "bonaface train tiny_finish --data m.csv",
    "resumed_by": ["bonaface train tiny_finish --resume"],
    "seed": 1,
    "seconds": 1236.0,
    "best_epoch": 11,
    "finished": "2026-11-22T07:44:58+00:00",
    "hardware": {"cpu": "EPYC", "gpus": []},
    "versions": {"python": "3.11.7", "torch": "2.13.0"},
    "earlier_runs": [{"command": "bonaface train tiny", "seed": 0, "seconds": 3529.3}],
}
ROWS = (
    *[("bonafide", 0.1)] * 9,
    ("bonafide", 0.9),
    *[("print", 0.8)] * 6,
    ("print", 0.2),
    ("diffusion", 0.9),
)


@pytest.fixture(scope="module")
def card(tiny) -> BundleCard:
    return replace(
        read_card(tiny),
        licence="Apache-2.0",
        species=("print", "spsc", "diffusion"),
        simulated_species=("print", "spsc"),
        training_data=(
            TrainingSource("portraits", "CC0-1.0", "bonafide", 1234),
            TrainingSource("made", "MIT", "diffusion", 56),
        ),
        training=RECORD,
        family_scales=(1.2, 1.0),
        family_offsets=(0.5, -0.25),
        notes=("It knows red alone.", "Nobody has seen it work."),
    )


@pytest.fixture(scope="module")
def report() -> Report:
    table = joined(table_of(*ROWS, split="dev"), table_of(*ROWS))
    return report_from_scores(table, bundle="tiny 1", replicates=50)


@pytest.fixture(scope="module")
def measured_card(card: BundleCard, report: Report) -> BundleCard:
    """The card with the report's threshold, as export writes it."""
    found = report.threshold
    assert found is not None
    stored = StoredThreshold(found.value, found.low, found.high, found.rule, "dev")
    return replace(card, threshold=stored, operating_points={"strict": replace(stored, value=0.25)})


@pytest.fixture(scope="module")
def text(measured_card: BundleCard, report: Report) -> str:
    return model_card(measured_card, report)


def body(text: str) -> str:
    return ModelCard(text).text


SECTIONS = [
    "h2 What a user must know", "h2 Model details", "h2 Intended use", "h2 Factors", "h3 Groups",
    "h3 Instruments: species of attack", "h3 Environments", "h2 Metrics", "h2 Evaluation data", "h2 Training data",
    "h2 Quantitative analyses",
]  # fmt: skip


def test_the_sections_of_a_model_card(text: str, measured_card: BundleCard, report: Report) -> None:
    page = body(text)
    check(page)
    assert headings(page) == [
        "h1 tiny 1", *SECTIONS, "h3 Unitary results", "h4 Errors at the threshold", "h4 No answer, and AUC",
        "h4 Whatever the threshold", "h4 Operating points", "h4 Intervals by subject", "h4 Calibration", "h4 Groups",
        "h4 Altered pictures", "h3 Intersectional results", "h2 Ethical considerations",
        "h2 Caveats and recommendations",
    ]  # fmt: skip
    assert model_card(measured_card, report) == text


def test_what_the_bundle_records(text: str, measured_card: BundleCard) -> None:
    found = dict(tables(section(body(text), "Model details"))[0])
    assert found == {
        "what": "as recorded",
        "version": "1",
        "licence of the weights": "Apache-2.0",
        "input": "crop 64 x 64, uint8 RGB; faces by dlib_hog, margin 0.15",
        "operating points": f"default {measured_card.threshold.value:.4f}, strict 0.2500",
        "calibration, fitted on dev": "physical: 1.200 x log-odds +0.500; digital: 1.000 x log-odds -0.250",
        "species of an attack, told on dev people": "none",
        "file": f"model.onnx, {measured_card.model.bytes / 1e6:.2f} MB",
        "sha256": measured_card.model.sha256,
        "self test": "4 made-up crops, scores within 0.001, whenever it is loaded",
        "species it has learned from simulations": "print, spsc",
        "species it has learned from pictures": "diffusion",
        "trained by, and where questions go": "not recorded",
        "training finished": "2026-11-22T07:44:58+00:00",
        "recipe of the last command": "tiny_finish",
        "its epoch, chosen on dev": "12",
        "seeds": "0, 1",
        "time": "79 minutes in all",
        "hardware": "cpu EPYC, gpus none",
        "versions": "python 3.11.7, torch 2.13.0",
    }
    commands = [RECORD["earlier_runs"][0]["command"], RECORD["command"], *RECORD["resumed_by"]]
    assert "\n".join(["```", *commands, "```"]) in text
    assert tables(section(body(text), "Training data"))[0][1:] == [
        ["portraits", "CC0-1.0", "bonafide", "1,234"], ["made", "MIT", "diffusion", "56"]
    ]  # fmt: skip
    assert words(section(body(text), "What a user must know")).splitlines()[:2] == list(measured_card.notes)


def test_instruments(text: str) -> None:
    rows = {row[0]: row[1:] for row in tables(section(body(text), "Instruments: species of attack"))[0]}
    assert rows["print"] == ["physical", "simulations", "7"]
    assert rows["spsc"] == ["physical", "simulations", "0"]
    assert rows["diffusion"] == ["digital", "pictures", "1"]
    assert rows["mask_3d"] == ["physical", "nothing", "0"]
    unseen = words(section(body(text), "Intended use")).splitlines()[-1]
    assert "cutout, paper_mask, mask_3d" in unseen
    assert "print" not in unseen
    assert "spsc" not in unseen


def test_numbers_are_those_of_the_report(text: str, report: Report) -> None:
    page = body(text)
    assert "On test rows, bona fide presentations rejected: 1 of 10 = 10.00 % (0.25 to 44.50 %);" in page
    assert "attacks of the worst species (print) accepted: 1 of 7 = 14.29 % (0.36 to 57.87 %).\n" in page
    errors = {row[0]: row[1:4] for row in tables(section(page, "Errors at the threshold"))[0]}
    assert errors["APCER print"] == ["1", "7", "14.29 %"]
    assert errors["APCER pooled"] == ["1", "8", "12.50 %"]
    assert errors["BPCER"] == ["1", "10", "10.00 %"]
    threshold = section(page, "Metrics").replace("\n", " ")
    assert (
        f"The threshold {report.threshold.value:.4f} by the rule eer on dev; equally good there" in threshold
    )
    assert "measured at another" not in threshold
    assert "Intervals from subjects drawn again stand beside them." in threshold
    assert "BPCER 1 of 10 = 10.00 %" in section(page, "Ethical considerations")
    notes = words(section(page, "Caveats and recommendations"))
    assert report.notes
    assert all(note in notes for note in report.notes)


def test_metadata_is_what_a_hub_reads(text: str, report: Report) -> None:
    data = ModelCard(text).data
    assert (data.license, data.library_name, data.pipeline_tag) == (
        "apache-2.0",
        "bonaface",
        "image-classification",
    )
    assert {"face-anti-spoofing", "onnx"} <= set(data.tags)
    assert data.model_name == "tiny 1"
    found = {one.metric_name: one for one in data.eval_results}
    assert {name: one.metric_value for name, one in found.items()} == {
        "APCER diffusion": 0.0, "APCER print": 1 / 7, "APCER worst species": 1 / 7, "APCER pooled": 1 / 8,
        "BPCER": 1 / 10, "ACER worst species": (1 / 7 + 1 / 10) / 2, "ACER pooled": (1 / 8 + 1 / 10) / 2,
        "EER": report.threshold_free.eer.value, "AUC": report.threshold_free.auc,
    }  # fmt: skip
    assert found["BPCER"].metric_args == {
        "errors": 1, "total": 10, "interval_95": [report.bpcer.low, report.bpcer.high]
    }  # fmt: skip
    assert {one.dataset_split for one in data.eval_results} == {"test"}
    assert data.metrics == [
        "apcer",
        "apcer_worst",
        "apcer_pooled",
        "bpcer",
        "acer_worst",
        "acer_pooled",
        "eer",
        "auc",
    ]
    # Read and written again it is the same, and plain YAML and JSON hold it.
    assert str(ModelCard(text)) == text
    assert yaml.safe_load(text.split("---\n")[1]) == data.to_dict()
    assert json.loads(json.dumps(data.to_dict(), allow_nan=False)) == data.to_dict()


@pytest.mark.parametrize(
    ("licence", "known", "name"),
    [("CC0-1.0", "cc0-1.0", None), ("LicenseRef-Ours", "other", "LicenseRef-Ours")],
)
def test_licences(card: BundleCard, licence: str, known: str, name: str | None) -> None:
    data = ModelCard(model_card(replace(card, licence=licence))).data
    assert (data.license, data.license_name) == (known, name)


def test_a_bundle_that_nobody_has_measured(card: BundleCard) -> None:
    text = model_card(card)
    page = body(text)
    check(page)
    assert headings(page) == [
        "h1 tiny 1",
        *SECTIONS,
        "h2 Ethical considerations",
        "h2 Caveats and recommendations",
    ]
    assert "No rate of it is known: nothing has been measured, and its threshold is a guess." in page
    assert words(section(page, "What a user must know")).splitlines()[-6:] == [
        "Any rate: no report came with this bundle, and its threshold is a guess.",
        "Whether its scores are probabilities.",
        "Intervals that know which rows are of one person.",
        "Whether it is as good for one group of people as for another.",
        "What blur, noise, light, compression or a loose crop do to it.",
        "Who trained it, and where questions go.",
    ]
    assert words(section(page, "Groups")).startswith("Not measured.")
    assert words(section(page, "Evaluation data")) == "Not measured: no report came with this bundle."
    assert "no rate of this bundle is known" in section(page, "Quantitative analyses")
    assert "The threshold 0.5000, given and not chosen on scores." in section(page, "Metrics")
    assert section(page, "Ethical considerations").count("how often is not known") == 2
    assert ModelCard(text).data.eval_results is None
    assert "model-index" not in text
    assert "nan" not in words(page).lower().replace("nano", "")


def test_a_bundle_that_records_nothing(card: BundleCard) -> None:
    bare = replace(
        card, training={}, training_data=(), notes=(), species=(), simulated_species=(), family_scales=()
    )
    page = body(model_card(replace(bare, family_offsets=())))
    check(page)
    found = dict(tables(section(page, "Model details"))[0])
    for fact in ("training finished", "recipe of the last command", "its epoch, chosen on dev", "seeds", "time",
                 "hardware", "versions"):  # fmt: skip
        assert found[fact] == "not recorded", fact
    assert found["calibration, fitted on dev"] == found["species it has learned from pictures"] == "none"
    assert "```\nnot recorded\n```" in page
    assert "The sources are not recorded." in section(page, "Training data")
    assert "Nobody has written anything down." in section(page, "What a user must know")


def test_times_that_are_short_or_not_all_known(card: BundleCard) -> None:
    def time(*runs: dict[str, object]) -> str:
        record = {**runs[-1], "earlier_runs": list(runs[:-1])}
        return dict(tables(body(model_card(replace(card, training=record))))[0])["time"]

    assert time({"seconds": 12.4}) == "12 s in all"
    assert time({"seconds": 60}, {"seconds": 60}) == "2 minutes in all"
    assert time({}, {"seconds": 90.0}) == "90 s in all; of some commands it is not recorded"


def test_what_was_measured_is_no_longer_unknown(measured_card: BundleCard, report: Report) -> None:
    found = replace(report, fairness=fairness(TONE))
    page = body(model_card(measured_card, found, robustness=measured_robustness()))
    check(page)
    assert words(section(page, "What a user must know")).splitlines()[-2:] == [
        "Whether it is as good for one group of people as for another, beyond what the columns tone tell.",
        "Who trained it, and where questions go.",
    ]
    assert "Measured by these columns of the scores: tone." in words(section(page, "Groups"))
    assert "Measured on altered pictures, see the quantitative analyses: blur, dark." in page
    assert "It does not fail all groups alike: BPCER differs by 6.25 % between light and dark (tone)." in page
    noise = replace(found, fairness=fairness(replace(TONE, gaps={"bpcer": gap(p=0.5)})))
    assert "No gap between the groups that were compared is more than noise." in model_card(
        measured_card, noise
    )
    none = replace(found, fairness=fairness(replace(TONE, gaps={})))
    page = model_card(measured_card, none)
    assert "Whether it fails some people more often than others is not known." in page
    assert "Whether it is as good for one group of people as for another.\n" in page
    assert "Not measured: no group column of the scores was compared." in model_card(measured_card, report)


def test_rates_at_another_threshold_are_said_to_be(card: BundleCard, report: Report) -> None:
    other = replace(card, threshold=StoredThreshold(0.25, 0.25, 0.25, "fixed", None))
    page = words(section(body(model_card(other, report)), "Metrics"))
    chosen = f"threshold {report.threshold.value:.4f} by the rule eer on dev"
    assert (
        f"The threshold 0.2500, given and not chosen on scores. The rates below were measured at another: {chosen}"
        in page
    )


def test_rates_without_a_threshold(card: BundleCard) -> None:
    none = report_from_scores(table_of(("bonafide", 0.1), ("print", 0.9)))
    page = body(model_card(card, replace(none, worst_species=None)))
    check(page)
    assert (
        "bona fide presentations rejected: not known; attacks of the worst species accepted: not known."
        in page
    )
    metrics = words(section(page, "Metrics"))
    assert "The rates below were measured at another: no threshold could be chosen." in metrics
    assert "no intervals by subject were computed." in metrics


def test_what_is_of_another_bundle_is_refused(card: BundleCard, report: Report) -> None:
    with pytest.raises(BundleError) as caught:
        model_card(card, replace(report, bundle="other 2"))
    assert str(caught.value) == (
        "a model card must be of the bundle that was measured; the report is of other 2, the card of tiny 1; "
        "evaluate this bundle"
    )
    with pytest.raises(BundleError, match=r"the robustness is of other 2, the card of tiny 1"):
        model_card(card, report, robustness=replace(measured_robustness(), bundle="other 2"))
    assert "# tiny 1\n" in model_card(card, replace(report, bundle=None))


def test_hostile_words_stay_words_wherever_they_come_from(measured_card: BundleCard, report: Report) -> None:
    renamed = json.dumps(to_json(report)).replace("print", json.dumps(HOSTILE)[1:-1])
    found = replace(from_json(json.loads(renamed)), bundle=None, notes=[HOSTILE], fairness=fairness(TONE))
    tone = replace(TONE, columns=(HOSTILE,), gaps={"bpcer": gap(p=0.001, low=HOSTILE, high=HOSTILE)})
    hostile = replace(
        measured_card,
        name=HOSTILE,
        version=HOSTILE,
        licence=HOSTILE,
        families=(HOSTILE, "digital"),
        species=(HOSTILE,),
        simulated_species=(HOSTILE,),
        training_data=(TrainingSource(HOSTILE, HOSTILE, HOSTILE, 1),),
        training={"command": HOSTILE + "\n````", "seed": HOSTILE, "hardware": {HOSTILE: [HOSTILE]}},
        notes=(HOSTILE,),
        operating_points={HOSTILE: measured_card.threshold},
    )
    robustness = replace(measured_robustness(HOSTILE, HOSTILE, HOSTILE), bundle=hostile.id)
    text = model_card(
        hostile, replace(found, fairness=fairness(tone, notes=(HOSTILE,))), robustness=robustness
    )
    page = body(text)
    check(page)
    assert headings(page)[0] == f"h1 {SHOWN} {SHOWN}"
    assert "c <script>" not in page.replace(
        f"\n{SHOWN} ````\n", ""
    )  # as it is in the block of commands alone
    assert f"\n`````\n{SHOWN} ````\n`````\n" in page
    data = ModelCard(text).data
    assert (data.license, data.license_name, data.model_name) == ("other", SHOWN, f"{SHOWN} {SHOWN}")
    assert str(ModelCard(text)) == text
    assert f"APCER {SHOWN}" in [one.metric_name for one in data.eval_results]


def test_nothing_is_sent_anywhere(measured_card: BundleCard, report: Report, text: str, monkeypatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a model card must not need the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    assert model_card(measured_card, report) == text


@pytest.mark.parametrize("package", ["huggingface_hub", "jinja2"])
def test_packages_outside_the_light_install(card: BundleCard, monkeypatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError) as caught:
        model_card(card)
    assert str(caught.value) == (
        "a model card needs packages outside the light install; install them with: pip install 'bonaface[report]'"
    )


def test_importing_it_imports_neither_of_them() -> None:
    job = (
        "import sys, bonaface.evaluation.model_card; print({'huggingface_hub', 'jinja2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", job], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_embedded_bundle(report: Report) -> None:
    card = read_card(bundle_folder())
    page = body(model_card(card, replace(report, bundle=card.id)))
    check(page)
    for fact in (card.id, card.model.sha256, card.training["command"], *card.notes):
        assert fact in page


def test_species_that_are_told_and_how_often_right(measured_card: BundleCard, report: Report) -> None:
    told = ToldSpecies(("print", "replay"), 40, 20, 0.75, 0.5, 0.41, 0.69, 0.01)
    text = model_card(replace(measured_card, told_species=told), report)
    assert "print, replay: 75% of 40 attacks told right, 50% by chance, log loss 0.41 against 0.69" in text


def test_weights_that_dev_did_not_choose_and_those_that_lean_back(card: BundleCard) -> None:
    recipe = {**RECORD["recipe"], "kept": "last", "optimisation": {"start_share": 0.3}}
    found = dict(tables(body(model_card(replace(card, training={**RECORD, "recipe": recipe}))))[0])
    assert found["its epoch, the last"] == "12"
    assert "its epoch, chosen on dev" not in found
    assert found["share of the weights that it started from"] == "30%"
