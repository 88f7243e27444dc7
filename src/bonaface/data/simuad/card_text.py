"""The card of a benchmark for people, in Markdown, from its data alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bonaface.data.simuad.inspection import FAIR
from bonaface.data.simuad.protocol_lists import PROTOCOLS
from bonaface.data.simuad.sums import SUMS
from bonaface.vocabulary import FAMILIES, SPECIES, Split

LIMITS = (
    "Every attack is simulated: a rate measured here says how a detector does on these simulations, not on real "
    "attacks.",
    "Bona fide pictures are the source's; where it is studio portraits, so is the benchmark.",
    "Simulations with three variants have one of them in train: a detector that knows one mechanism of a species is then "
    "asked for another.",
    "The weakest simulation is mask_3d.",
    "Bytes depend on the libraries named above: other versions may round otherwise.",
)


def card_text(card: Mapping[str, Any]) -> str:
    """Markdown with GitHub's tables; the same card gives the same bytes."""
    sections = {
        "How it was made": _made(card),
        "What it holds": _held(card),
        "Protocols": _protocols(card),
        "Audit": _audit(card["audit"]),
        "What was left out": _left_out(card["left_out"]),
        "Limits": "\n".join(f"- {one}" for one in LIMITS),
        "Hashes": _hashes(card["sha256"]),
    }
    intro = (
        "A benchmark of simulated face attacks, physical and digital. Every subject has bona fide pictures and every "
        "species; train, dev and test share no subject, and test has variants and strengths that training has not."
    )
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"# {card['name']}\n\n{intro}\n\n{body}\n"


def _made(card: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in card["made_with"].items())
    sources = _table(
        ("source", "licence", "subjects"),
        [
            (one["source"] or "not said", one["licence"] or "not said", one["subjects"])
            for one in card["sources"]
        ],
    )
    return (
        f"```\n{card['command']}\n```\n\nWith {versions}; faces found by {card['finder']}. All pictures, bona fide ones "
        f"too, went through one simulated camera, drawn alike for every class.\n\n{sources}"
    )


def _held(card: Mapping[str, Any]) -> str:
    """Rows of each simulation and variant; and the rule by which they are in a split."""
    counts = card["counts"]["S1"]
    rows = [("subjects", "", "", *(card["subjects"][split] for split in Split))]
    rows += [("bonafide", "", "", *(counts[split].get("bonafide", {}).get("", 0) for split in Split))]
    for species in _species(counts):
        keys = dict.fromkeys(key for split in Split for key in counts[split].get(species, {}))
        rows += [
            (species, *key.split(":"), *(counts[split].get(species, {}).get(key, 0) for split in Split))
            for key in sorted(keys, key=lambda key: key.partition(":")[0])
        ]
    strengths = ", ".join(
        f"{split} {' and '.join(f'{low:g} to {high:g}' for low, high in ranges)}"
        for split, ranges in card["strengths"].items()
    )
    unused = ", ".join(f"{name} {one}" for name, ones in card["variants"]["not_used"].items() for one in ones)
    return (
        f"The rule: {card['variants']['rule']}. No split has: {unused}. Strengths: {strengths}.\n\n"
        + _table(("species", "simulation", "variant", *Split), rows)
    )


def _protocols(card: Mapping[str, Any]) -> str:
    """Rows of each protocol by split: bona fide, physical, digital."""
    rows = []
    for one in PROTOCOLS:
        counts = card["counts"][one.name]
        rows.append((one.name, one.meaning, *(_sizes(counts[split]) for split in Split)))
    return (
        "Each is a manifest in `protocols/` over the same pictures. Rows are bona fide / physical / digital.\n\n"
        + _table(("protocol", "unseen before test", *Split), rows)
    )


def _sizes(counts: Mapping[str, Mapping[str, int]]) -> str:
    sums = {species: sum(kinds.values()) for species, kinds in counts.items()}
    families = [sum(n for name, n in sums.items() if SPECIES[name].family is family) for family in FAMILIES]
    return " / ".join(map(str, (sums.get("bonafide", 0), *families)))


def _audit(audit: Mapping[str, Any]) -> str:
    shared = ", ".join(f"{count} {name}" for name, count in audit["leaks"].items())
    warnings = "\n".join(f"- warning: {one}" for one in audit["warnings"]) or "Nothing is warned of."
    return "\n\n".join(
        (
            f"In several splits: {shared}.",
            warnings,
            f"**Shortcuts**: the AUC of single numbers on test rows; {FAIR[0]:.2f} to {FAIR[1]:.2f} is chance. The "
            "last columns are the species farthest below and above.",
            shortcut_table(audit["shortcuts"]),
            "**Detectability**: the AUC on test rows of a fixed linear score of noise, spectrum and colour of the prepared "
            "crop, fitted on train rows: how plain a species is, variants unseen. A detector should do better.",
            detectability_table(audit["detectability"]),
            f"Bona fide test rows without a face that the finder found: {audit['bonafide_missed']}.",
        )
    )


def shortcut_table(shortcuts: Mapping[str, Any]) -> str:
    """The AUC of each shortcut, and its extremes over species."""
    rows = []
    for name, one in shortcuts.items():
        known = {species: auc for species, auc in one["species"].items() if auc is not None}
        ends = (
            [f"{pick(known, key=known.__getitem__)} {pick(known.values()):.3f}" for pick in (min, max)]
            if known
            else ["", ""]
        )
        rows.append((name, _number(one["auc"]), "" if one["is_fair"] else "outside", *ends))
    return _table(("number", "AUC", "", "lowest", "highest"), rows)


def detectability_table(detectability: Mapping[str, Any]) -> str:
    """The AUC of each species, and of how many rows."""
    rows = [
        (name, _number(one["auc"]), one["train"], one["test"], one["bonafide"], one["missed"])
        for name, one in detectability.items()
    ]
    return _table(
        ("species", "AUC", "train attacks", "test attacks", "test bona fide", "test attacks without a face"),
        rows,
    )


def _left_out(left_out: Mapping[str, int]) -> str:
    return "\n".join(f"- {count} {why}" for why, count in left_out.items()) or "Nothing."


def _hashes(hashes: Mapping[str, str]) -> str:
    head = (
        f"`{SUMS}` lists every picture (`sha256sum -c {SUMS}`); its own hash is one over all pictures. "
        "`bonaface data simuad --audit-only OUT` checks all of them.\n\n"
    )
    return head + _table(("file", "sha256"), [(path, f"`{digest}`") for path, digest in hashes.items()])


def _species(counts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = dict.fromkeys(name for split in Split for name in counts[split])
    return [name for name in SPECIES if name in found and name != "bonafide"]


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "\\|").split())
