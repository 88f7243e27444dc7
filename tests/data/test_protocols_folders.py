from __future__ import annotations

import pytest

from bonaface.data.protocols.folders import JFSFDB_PATTERN, folders
from bonaface.errors import ManifestError


def files(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"a picture")
    return root


def told(manifest):
    return [
        (row.path, str(row.split), row.species.name, row.subject, dict(row.groups)) for row in manifest.rows
    ]


def refused(*words, **named):
    with pytest.raises(ManifestError) as e:
        folders(*words, **named)
    return str(e.value)


def test_the_plain_pattern(tmp_path):
    root = files(tmp_path, "dev/print/ann/1.jpg", "train/bonafide/bob/2.png")
    (root / "read.me").write_text("no picture")
    assert told(folders(root)) == [
        ("dev/print/ann/1.jpg", "dev", "print", "ann", {}),
        ("train/bonafide/bob/2.png", "train", "bonafide", "bob", {}),
    ]


def test_several_sets_with_words_of_their_own(tmp_path):
    root = files(tmp_path, "casia/val/real/7/1.jpg", "ffpp/test/deepfake/9/1.jpg")
    manifest = folders(
        root,
        JFSFDB_PATTERN,
        species_words={"real": "bonafide", "deepfake": "faceswap"},
        split_words={"val": "dev"},
    )
    assert told(manifest) == [
        ("casia/val/real/7/1.jpg", "dev", "bonafide", "casia/7", {"dataset": "casia"}),
        ("ffpp/test/deepfake/9/1.jpg", "test", "faceswap", "ffpp/9", {"dataset": "ffpp"}),
    ]


def test_columns_within_a_name_and_no_split(tmp_path):
    root = files(tmp_path, "p.1/ann_print_02.jpg")
    assert told(folders(root, "p.1/{subject}_{species}_{frame}.jpg")) == [
        ("p.1/ann_print_02.jpg", "None", "print", "ann", {"frame": "02"})
    ]
    assert "1 of 1 have not: p.1/ann_print_02.jpg" in refused(root, "pxx/{subject}_{species}_{frame}.jpg")


def test_pictures_that_do_not_fit(tmp_path):
    files(tmp_path, "a.jpg", "dev/print/ann/1.jpg")
    assert refused(tmp_path) == (
        f"every picture below {tmp_path} must have a path like {{split}}/{{species}}/{{subject}}/*; "
        "1 of 2 have not: a.jpg; declare the data set's own pattern"
    )


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("{species}/*", "lacks {subject}"),
        ("{species}/{subject}/{subject}", "has {subject} twice"),
        ("{species}{subject}", "has two of them with nothing between"),
        ("{species}/{subject}*", "has two of them with nothing between"),
        ("{species}/{subject}/{label}", "has {label}, which can not be a column of its own"),
        ("{species}/{subject}/{my word}", "has {my word}, which can not be a column of its own"),
    ],
)
def test_patterns_that_say_too_little(tmp_path, pattern, what):
    assert refused(tmp_path, pattern) == (
        "a pattern must name {species} and {subject}, each once and apart, e.g. {split}/{species}/{subject}/*; "
        f"'{pattern}' {what}"
    )


def test_words_that_nobody_explained(tmp_path):
    root = files(tmp_path, "val/prints/ann/1.jpg")
    assert refused(root).startswith(
        "val/prints/ann/1.jpg: the folder 'prints' must be a known species (bonafide, "
    )
    assert refused(root).endswith("; did you mean 'print'?")
    assert refused(root, species_words={"prints": "print"}) == (
        "val/prints/ann/1.jpg: the folder 'val' must be a known split (train, dev, test); say what it means"
    )
    assert "the folder word 'prints' must mean a species of" in refused(
        root, species_words={"prints": "paper"}
    )
    assert refused(root, split_words={"val": "validation"}) == (
        "the folder word 'val' must mean a split of train, dev, test; got 'validation'"
    )


def test_a_folder_that_is_not_there_or_empty(tmp_path):
    with pytest.raises(
        ManifestError, match="must be a folder of pictures; it does not exist; check the path"
    ):
        folders(tmp_path / "nope", pattern="{split}/{species}/{subject}/*")
    with pytest.raises(ManifestError, match="must have pictures in it; none was found"):
        folders(tmp_path, pattern="{split}/{species}/{subject}/*")
