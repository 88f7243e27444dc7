import json
from dataclasses import asdict
from pathlib import Path

import pytest

from bonaface.errors import RecipeError
from bonaface.models.prompts import (
    ENSEMBLES,
    FAMILY_WORDS,
    PROMPTS,
    SPECIES_WORDS,
    AnchorTexts,
    PromptsConfig,
    anchor_texts,
    are_families_alike,
    prompts_from_file,
    template_texts,
)
from bonaface.vocabulary import BONAFIDE, FAMILIES, SPECIES


def test_the_two_known_wordings_are_the_papers():
    known = [name for name in ENSEMBLES["la_softmoe"] if PROMPTS[name].provenance == "known"]
    assert known == ["T-3", "T-8"]
    assert PROMPTS["T-3"].text == "A photo of a {} face"
    assert PROMPTS["T-8"].text == "This is an image of a {} face"


def test_uniattackdetections_texts_are_the_quoted_ones():
    """The templates with 'real face' in them, as they are quoted."""
    quoted = [
        "This photo contains {}.", "There is a {} in this photo.", "{} is in this photo.", "A photo of a {}.",
        "This is an example of a {}.", "This is how a {} looks like.", "This is an image of {}.", "The picture is a {}.",
    ]  # fmt: skip
    ours = [PROMPTS[f"U-{number}"].text.format("real") for number in range(1, 9)]
    assert ours == [template.format("real face") for template in quoted]


def test_every_prompt_has_one_place_for_the_class_word_and_a_name_of_its_own():
    assert all(prompt.text.count("{}") == 1 for prompt in PROMPTS.values())
    assert all(name == prompt.name and prompt.source for name, prompt in PROMPTS.items())
    assert len({prompt.text for prompt in PROMPTS.values()}) == len(PROMPTS) == 16
    assert {name for names in ENSEMBLES.values() for name in names} <= set(PROMPTS)


def test_by_default_it_is_the_papers_best_prompt_bona_fide_first():
    texts = anchor_texts(PromptsConfig(), num_families=1)
    assert texts == (AnchorTexts(("This is an image of a live face",), ("This is an image of a fake face",)),)


def test_class_words_leave_the_families_alike():
    texts = anchor_texts(PromptsConfig())
    assert len(texts) == len(FAMILIES)
    assert texts[0] == texts[1]
    assert are_families_alike(texts)
    assert not are_families_alike(anchor_texts(PromptsConfig(level="family")))
    assert not are_families_alike(texts[:1])


def test_an_ensemble_is_every_template_with_every_word():
    config = PromptsConfig(("T-3", "A {} person."), words=("real", "spoof"), level="species")
    physical, digital = anchor_texts(config)
    assert physical.bonafide == digital.bonafide == ("A photo of a real face", "A real person.")
    for texts, family in zip((physical, digital), FAMILIES, strict=True):
        words = [SPECIES_WORDS[name] for name, species in SPECIES.items() if species.family is family]
        assert sorted(texts.attack) == sorted(
            text for word in words for text in (f"A photo of a {word} face", f"A {word} person.")
        )


def test_one_family_has_the_words_of_both():
    (all_species,) = anchor_texts(PromptsConfig(("{}",), level="species"), num_families=1)
    assert sorted(all_species.attack) == sorted(SPECIES_WORDS.values())
    (both,) = anchor_texts(PromptsConfig(("{}",), level="family"), num_families=1)
    assert both.attack == tuple(FAMILY_WORDS[family] for family in FAMILIES)


def test_every_species_of_attack_has_a_word_that_goes_after_a():
    assert set(SPECIES_WORDS) == set(SPECIES) - {BONAFIDE.name}
    assert len(set(SPECIES_WORDS.values())) == len(SPECIES_WORDS)
    assert not any(word[0] in "aeiou" for word in (*SPECIES_WORDS.values(), *FAMILY_WORDS.values()))


def test_the_settings_are_plain_values():
    config = PromptsConfig(("T-3", "T-8"), level="family")
    plain = json.loads(json.dumps(asdict(config)))
    assert plain == {"templates": ["T-3", "T-8"], "words": ["live", "fake"], "level": "family"}


def test_names_ensembles_texts_and_files_mix_and_none_counts_twice(tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_text("\ufeff# mine\n\n  A {} selfie  \nA photo of a {} face\n", encoding="utf-8")
    assert template_texts(["T-3", f"@{file}", "A {} selfie", "My {} text"]) == (
        "A photo of a {} face", "A {} selfie", "My {} text",
    )  # fmt: skip
    assert template_texts(["uniattackdetection"]) == tuple(PROMPTS[f"U-{n}"].text for n in range(1, 7))
    assert len(template_texts(["la_softmoe"])) == 8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "A {} face\nA face\n",
            r"p\.txt line 2: a prompt must have one \{\} for the class word; got 'A face'",
        ),
        ("A {} {} face\n", r"line 1: a prompt must have one \{\}"),
        ("A {} face\n\nA {} face\n", "line 3: a prompt must come once; it is line 1 again"),
        ("# nothing\n", "must have at least one prompt; it has none"),
        (b"\xff\xfe", "must be a text file in UTF-8 with one prompt a line"),
    ],
)
def test_a_bad_file_says_where(tmp_path, content, message):
    path = tmp_path / "p.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RecipeError, match=message):
        prompts_from_file(path)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(RecipeError, match="it can not be read"):
        template_texts([f"@{tmp_path / 'nowhere.txt'}"])


def test_a_prompt_without_a_class_word_is_refused():
    with pytest.raises(RecipeError, match=r"a text with one \{\} for the class word.*got 'A face'"):
        template_texts(["A face"])
    with pytest.raises(RecipeError, match="did you mean 'T-8'"):
        template_texts(["T-88"])


def test_settings_that_say_nothing_are_refused():
    with pytest.raises(RecipeError, match="must have at least one; got none"):
        PromptsConfig(())
    for words in (("live", " "), ("same", "same")):
        with pytest.raises(RecipeError, match="must be two different words"):
            PromptsConfig(words=words)
    with pytest.raises(RecipeError, match="1 or 2 families; got 3"):
        anchor_texts(PromptsConfig(), num_families=3)


def test_the_page_about_prompts_has_them_all():
    page = Path(__file__).parents[2].joinpath("docs/concepts/prompts.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith(("| T-", "| U-"))]
    assert rows == [f"| {p.name} | {p.text} | {p.provenance} | {p.source} |" for p in PROMPTS.values()]
    prose = " ".join(page.split())
    assert all(word in prose for word in (*SPECIES_WORDS.values(), *FAMILY_WORDS.values(), *ENSEMBLES))
