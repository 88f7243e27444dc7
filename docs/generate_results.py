"""Write the result tables of the README and of the default bundle's page from the measured files: python docs/generate_results.py."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "guides" / "default-bundle.md"
BUNDLES = ROOT / "src" / "bonaface" / "bundles"
BUNDLE = BUNDLES / "small"
RESULTS = ROOT / "benchmarks" / "results"
START, END = "<!-- results: python docs/generate_results.py -->", "<!-- end of results -->"


def section() -> str:
    """The section between the marks."""
    report, card = _json(BUNDLE / "report.json"), _json(BUNDLE / "bundle.json")
    probes, speed = _json(RESULTS / "shortcut_probes.json"), _json(RESULTS / "speed.json")
    sizes = _json(RESULTS / "install_size.json")
    parts = (_rates(report), _costs(probes, speed, sizes, card), _notes(report, card), _two_sizes(speed))
    return "\n\n".join("\n".join(part) for part in parts)


def _rates(report: dict[str, Any]) -> list[str]:
    free = report["threshold_free"]
    rows = [
        "Test subjects that nothing was trained or tuned on; threshold from dev; exact 95 % intervals.",
        "",
        "| on the simulated test set | rate | errors | 95 % interval | AUC |",
        "|---|---|---|---|---|",
    ]
    for name, one in report["species"].items():
        rows.append(_row(f"APCER {name}", one["apcer"], one["auc"]))
    rows.append(_row(f"APCER worst species ({report['worst_species']})", report["apcer_worst"]))
    rows.append(_row("APCER pooled", report["apcer_pooled"], free["auc"]))
    rows.append(_row("BPCER", report["bpcer"]))
    rows.append(f"| **ACER pooled** (target 10 %) | **{100 * report['acer_pooled']:.2f} %** | | | |")
    rows.append(f"| ACER worst species | {100 * report['acer_worst']:.2f} % | | | |")
    rows.append(
        f"| no answer: attacks, bona fide | {100 * report['apnrr']['value']:.2f} %, "
        f"{100 * report['bpnrr']['value']:.2f} % | | | |"
    )
    return rows


def _row(name: str, rate: dict[str, Any], auc: float | None = None) -> str:
    interval = f"{100 * rate['low']:.2f} to {100 * rate['high']:.2f} %"
    area = "" if auc is None else f"{auc:.4f}"
    return (
        f"| {name} | {100 * rate['value']:.2f} % | {rate['errors']}/{rate['total']} | {interval} | {area} |"
    )


def _costs(
    probes: dict[str, Any], speed: dict[str, Any], sizes: dict[str, Any], card: dict[str, Any]
) -> list[str]:
    judged = {name: one for name, one in probes["probes"].items() if not one["is_warning"]}
    warnings = {name: one for name, one in probes["probes"].items() if one["is_warning"]}
    low = min(judged.values(), key=lambda one: one["pooled"])["pooled"]
    high = max(judged.values(), key=lambda one: one["pooled"])["pooled"]
    named = ", ".join(f"{name} {one['pooled']:.3f}" for name, one in warnings.items())
    return [
        "| what | measured | target | command |",
        "|---|---|---|---|",
        f"| AUC of {len(judged)} shortcut probes (file and crop bytes, aspect, frame, JPEG quality) | "
        f"{low:.3f} to {high:.3f} | 0.40 to 0.60 | `benchmarks/shortcut_probes.py` |",
        f"| the same, warnings: they also see what an attack does | {named} | | |",
        f"| crop and model, warm, one thread, one face | {speed['crop_and_model_ms']['small']:.1f} ms | 15 ms | "
        "`benchmarks/speed.py` |",
        f"| finding the face | {speed['finder_ms']:.1f} ms | | |",
        f"| `bonaface check one.jpg`, cold, whole process | {speed['check_cold_s']:.2f} s | 1.5 s | |",
        f"| light install, with the demo extra | {sizes['light_mb']} MB, {sizes['demo_mb']} MB | "
        "400 MB, 700 MB | `benchmarks/install_size.sh` |",
        f"| model of the embedded bundle | {card['model']['bytes'] / 1e6:.1f} MB | 10 MB | |",
    ]


def _notes(report: dict[str, Any], card: dict[str, Any]) -> list[str]:
    return [f"- {note}" for note in (*card["notes"], *report["notes"])]


def _two_sizes(speed: dict[str, Any]) -> list[str]:
    """The embedded bundles side by side."""
    names = ("small", "nano")
    cards = [_json(BUNDLES / name / "bundle.json") for name in names]
    reports = [_json(BUNDLES / name / "report.json") for name in names]
    unseen = [_json(RESULTS / name) for name in ("simuad_S1_small.json", "simuad_S1.json")]
    elsewhere = _json(RESULTS / "attacks_elsewhere.json")["bundles"]
    others = [elsewhere[f"{card['name']} {card['version']}"] for card in cards]

    def row(what: str, values: list[str]) -> str:
        return f"| {what} | {' | '.join(values)} |"

    return [
        "Two sizes come with the package; `--bundle nano` and `bonaface.load('nano')` name the smaller one:",
        "",
        row("", [f"**{card['name']}** {card['version']}" for card in cards]),
        "|---|---|---|",
        row("crop, pixels", [f"{card['contract']['size']}" for card in cards]),
        row("model", [f"{card['model']['bytes'] / 1e6:.1f} MB" for card in cards]),
        row(
            "crop and model (targets 15 and 6 ms)",
            [f"{speed['crop_and_model_ms'][name]:.1f} ms" for name in names],
        ),
        row("simulated test: ACER pooled", [f"{100 * one['acer_pooled']:.1f} %" for one in reports]),
        row("AUC", [f"{one['threshold_free']['auc']:.3f}" for one in reports]),
        row("BPCER", [f"{100 * one['bpcer']['value']:.1f} %" for one in reports]),
        row(
            f"APCER worst species ({reports[0]['worst_species']})",
            [f"{100 * one['apcer_worst']['value']:.0f} %" for one in reports],
        ),
        row(
            "unseen variants, SimUAD S1, before the last stage: ACER pooled",
            [f"{100 * one['acer_pooled']:.1f} %" for one in unseen],
        ),
        row("AUC", [f"{one['threshold_free']['auc']:.3f}" for one in unseen]),
        row(
            "attacks on faces from elsewhere (`benchmarks/attacks_elsewhere.py`): mean AUC",
            [f"{one['mean_auc']:.3f}" for one in others],
        ),
        row(
            "their genuine captures turned away, attacks passed",
            [
                f"{100 * one['turned_away']:.0f} %, {100 * fmean(one['passed'].values()):.0f} %"
                for one in others
            ],
        ),
    ]


def page_section() -> str:
    """Of the default bundle's page: unseen attacks, and whom it turns away."""
    unseen, generated = _json(RESULTS / "simuad_S1_small.json"), _json(RESULTS / "unseen_generated.json")
    helps, slices = _json(RESULTS / "does_it_help.json"), _json(RESULTS / "slices.json")
    elsewhere, card = _json(RESULTS / "elsewhere.json"), _json(BUNDLE / "bundle.json")
    parts = (
        _unseen(unseen, generated),
        _families(),
        _left_out(helps, _json(RESULTS / "leave_one_out.json")),
        _elsewhere(elsewhere),
        _attacks_elsewhere(_json(RESULTS / "attacks_elsewhere.json")),
        _generators(_json(RESULTS / "generators.json")),
        _own_threshold(_json(RESULTS / "own_threshold.json")),
        _captures(_json(RESULTS / "captures.json")),
        _own_pictures(_json(RESULTS / "own_pictures.json"), f"{card['name']} {card['version']}"),
        _slices(slices),
        _near_and_far(_json(RESULTS / "face_sizes.json"), f"{card['name']} {card['version']}"),
        _told(card["told_species"]),
    )
    return "\n\n".join("\n".join(part) for part in parts)


def _unseen(report: dict[str, Any], generated: dict[str, Any]) -> list[str]:
    auc = generated["auc"]
    return [
        "## Attacks it has not seen",
        "",
        "The stage of its training before the last variants, judging its 224 pixels, on SimUAD's protocol S1: other people,",
        "other variants of every simulation, and strengths outside of those of training; threshold from dev.",
        "",
        "| SimUAD S1 | rate | errors | 95 % interval | AUC |",
        "|---|---|---|---|---|",
        *(_row(f"APCER {name}", one["apcer"], one["auc"]) for name, one in report["species"].items()),
        _row("APCER pooled", report["apcer_pooled"], report["threshold_free"]["auc"]),
        _row("BPCER", report["bpcer"]),
        f"| **ACER pooled** (target 3 %) | **{100 * report['acer_pooled']:.2f} %** | | | |",
        f"| APCER of the worst species (target 10 %) | {100 * report['apcer_worst']['value']:.2f} % | | | |",
        "",
        f"Generated portraits, {generated['generated']} against {generated['bonafide']} bona fide pictures, no generated one in training (the recipe `nano`, `benchmarks/unseen_generated.sh`): AUC "
        f"{_area(auc['as they are'])} as they are, {_area(auc['made alike'])} brought to one size and JPEG quality (target 0.85).",
    ]


def _area(one: list[float]) -> str:
    return f"{one[0]:.3f} ({one[1]:.3f} to {one[2]:.3f})"


def _families() -> list[str]:
    rows = [
        "## A whole family left out",
        "",
        "Short trainings of the default's first stage (48,000 samples) that know the other family, and in the place of this one SPSC or SDSC and a clue "
        "without a mechanism (`benchmarks/unseen_family.sh`); they judge 224 pixels. By `small_direct_start` at 160 pixels it was 38.0 and 34.9 %.",
        "",
        "| SimUAD | ACER pooled (target 15 %) | AUC | APCER pooled | BPCER |",
        "|---|---|---|---|---|",
    ]
    for protocol, unseen in (("S2.1", "physical"), ("S2.2", "digital")):
        found = _json(RESULTS / f"simuad_{protocol}.json")
        rates = (found["acer_pooled"], found["apcer_pooled"]["value"], found["bpcer"]["value"])
        pooled, apcer, bpcer = (f"{100 * rate:.1f} %" for rate in rates)
        area = found["threshold_free"]["auc"]
        rows.append(f"| {protocol}, {unseen} attacks unseen | {pooled} | {area:.3f} | {apcer} | {bpcer} |")
    return rows


def _left_out(found: dict[str, Any], longer: dict[str, Any]) -> list[str]:
    (samples,) = longer["samples"]
    mean, worst = longer["mean"], min(longer["auc"], key=lambda name: longer["auc"][name][0])
    rows = [
        "## A species left out altogether",
        "",
        f"AUC on SimUAD's list of each species, by detectors that never learned from it; intervals by people. First trainings of the default's first stage ({samples:,} samples, "
        f"one seed, `benchmarks/leave_one_out.sh`): mean {mean:.3f} (target 0.93), worst {worst} {longer['auc'][worst][0]:.3f} (target 0.80); they judge {longer['size']} pixels. "
        "By `small_direct_start` at 160 pixels, 67,200 samples, it was 0.764 and 0.609. Then smaller ones "
        f"({found['samples']:,} samples, {found['layers']} blocks, {len(found['seeds'])} seeds each) that say what the lab is worth beside SPSC and SDSC alone (`benchmarks/does_it_help.py`).",
        "",
        "| left out | every other kind | smaller: every other kind | SPSC and SDSC alone | difference |",
        "|---|---|---|---|---|",
    ]
    for name, one in found["auc"].items():
        told = f"{mean:.3f}" if name == "mean" else _area(longer["auc"][name])
        rows.append(
            f"| {name} | {told} | {_area(one['lab'])} | {_area(one['clues'])} | {one['difference'][0]:+.3f} "
            f"({one['difference'][1]:+.3f} to {one['difference'][2]:+.3f}) |"
        )
    return rows


def _elsewhere(found: dict[str, Any]) -> list[str]:
    origins = found["origins"]
    points = list(next(iter(origins.values()))["dev"]["at"])
    rows = [
        "## Genuine faces from elsewhere",
        "",
        f"What {found['bundle']} makes of faces that no training picture resembles, by their origin (`benchmarks/elsewhere.py`): `packages` are the examples "
        "of many public packages, stock photographs, profile and phone pictures, stills, scans of film; `snapshots` what people took with phones and small "
        "cameras; `celebrities` the small pictures of a public research set; `deputies` studio portraits of another country's parliament. BPCER by people, of "
        "snapshots and celebrities by pictures; those of dev were looked at while training was planned.",
        "",
        f"| origin | people, faces | {' | '.join(f'`--at {point}`' for point in points)} |",
        f"|---|---|{'---|' * len(points)}",
    ]
    for origin, halves in origins.items():
        for half, one in halves.items():
            rates = (one["at"][point] for point in points)
            told = (
                f"{100 * r['bpcer']:.0f} % ({100 * r['low']:.0f} to {100 * r['high']:.0f})" for r in rates
            )
            rows.append(f"| {origin}, {half} | {one['people']}, {one['faces']} | {' | '.join(told)} |")
    return rows


def _attacks_elsewhere(found: dict[str, Any]) -> list[str]:
    bundles = found["bundles"]
    rows = [
        "### Attacks on them",
        "",
        f"Simulations made on {found['faces']} of the faces of {found['half']}, before a simulated camera like the genuine captures that they stand against "
        "(`benchmarks/attacks_elsewhere.py`): AUC, and what passes at the bundle's threshold.",
        "",
        f"| attack | {' | '.join(bundles)} |",
        f"|---|{'---|' * len(bundles)}",
    ]
    for species in next(iter(bundles.values()))["auc"]:
        told = (
            f"{one['auc'][species]:.3f}, {100 * one['passed'][species]:.0f} %" for one in bundles.values()
        )
        rows.append(f"| {species} | {' | '.join(told)} |")
    means = (f"{one['mean_auc']:.3f}" for one in bundles.values())
    away = (f"{100 * one['turned_away']:.0f} %" for one in bundles.values())
    return [
        *rows,
        f"| mean AUC | {' | '.join(means)} |",
        f"| genuine captures turned away | {' | '.join(away)} |",
    ]


def _generators(found: dict[str, Any]) -> list[str]:
    num_faces = max(one["faces"] for one in found.values())
    rows = [
        "### Faces that newer generators made",
        "",
        f"{num_faces} real generated faces, by some twenty models of 2024 to 2026 (Flux, Stable Image, HiDream, Z-Image, Qwen, Wan, LTX, Kandinsky and others), small and "
        "stored by WebP; no training and no choice has seen one (`benchmarks/generators.py`). What passes at the bundle's threshold, and AUC against the genuine "
        "faces of each origin, their test halves as they are: 0.5 is chance.",
        "",
        f"| | {' | '.join(found)} |",
        f"|---|{'---|' * len(found)}",
    ]
    passed = (one["passed"] for one in found.values())
    told = (
        f"{100 * one['share']:.0f} % ({100 * one['low']:.0f} to {100 * one['high']:.0f})" for one in passed
    )
    rows.append(f"| let pass | {' | '.join(told)} |")
    for origin in next(iter(found.values()))["against"]:
        areas = (one["against"][origin] for one in found.values())
        told = (f"{one['auc']:.2f} ({one['low']:.2f} to {one['high']:.2f})" for one in areas)
        rows.append(f"| against {origin} | {' | '.join(told)} |")
    return rows


def _own_threshold(found: dict[str, Any]) -> list[str]:
    captures = found["captures"]
    rows = [
        "### A threshold of one's own",
        "",
        f"What `bonaface adjust` makes of them: {captures['dev']} captures of dev choose, {captures['test']} of test, other people by other cameras, are "
        "measured; APCER is over prints, replays and face swaps simulated on the captures (`benchmarks/own_threshold.py`). Every picture is cut about its face "
        "and looked at anew, so the bundle's own rates differ a little from those above.",
        "",
        "| chosen by | bundle | dev: turned away, attacks passed | test: turned away | test: attacks passed |",
        "|---|---|---|---|---|",
    ]
    for bundle, rules in found["bundles"].items():
        for rule, one in rules.items():
            dev, test = one["dev"], one["test"]
            chosen = "the bundle, on the pool" if rule == "its own" else f"`--rule {rule}`"
            rows.append(
                f"| {chosen} | {bundle} | {100 * dev['bpcer']:.0f} %, {100 * dev['apcer']:.0f} % | {100 * test['bpcer']:.0f} % "
                f"({100 * test['low']:.0f} to {100 * test['high']:.0f}) | {100 * test['apcer']:.0f} % |"
            )
    return rows


def _captures(found: dict[str, Any]) -> list[str]:
    rows = [
        "### Several captures together",
        "",
        f"The {found['faces']} faces of {found['half']} and every attack on them, each before the simulated camera five times, judged as `gate.presentation` does "
        "(`benchmarks/captures.py`). Mean AUC over eleven species, and genuine presentations turned away where a fifth of the attacks pass; intervals by "
        "faces. Frames of one video are more alike than these captures are, and bring less.",
        "",
        "| captures | bundle | AUC | gain | turned away where a fifth passes | at its own threshold: turned away, passed |",
        "|---|---|---|---|---|---|",
    ]
    for bundle, counts in found["bundles"].items():
        for count, one in counts.items():
            gain, away = one["gain"], one["turned_away_where_a_fifth_passes"]
            told = "" if count == "1" else f"{gain[0]:+.3f} ({gain[1]:+.3f} to {gain[2]:+.3f})"
            rows.append(
                f"| {count} | {bundle} | {one['mean_auc'][0]:.3f} | {told} | {100 * away[0]:.0f} % ({100 * away[1]:.0f} to {100 * away[2]:.0f}) | "
                f"{100 * one['turned_away'][0]:.0f} %, {100 * one['passed'][0]:.0f} % |"
            )
    return rows


def _own_pictures(found: dict[str, Any], shipped: str) -> list[str]:
    before, after = found.values()
    rows = [
        "### Genuine pictures of one's own",
        "",
        f"{shipped} trained on, beside its pool, with 859 genuine faces of the four origins above (their dev halves) and with generated portraits as attacks, in "
        "57,600 samples; measured on the test halves: other people, and of many packages other cameras (`benchmarks/own_pictures.sh`). These weights are not shipped. "
        "Mean AUC of eleven simulated attacks against genuine captures, and who is turned away where a fifth of the attacks pass; last, Stable Diffusion 3's "
        "portraits of test against the same genuine captures.",
        "",
        "| against genuine faces of | as shipped | with pictures of one's own | portraits: as shipped | with |",
        "|---|---|---|---|---|",
    ]
    for where, portraits in before["portraits"].items():
        told = (
            f"{one[where]['mean_auc']:.3f}, {100 * one[where]['turned_away']:.0f} %"
            for one in (before, after)
        )
        rows.append(f"| {where} | {' | '.join(told)} | {portraits:.2f} | {after['portraits'][where]:.2f} |")
    return rows


def _told(told: dict[str, Any]) -> list[str]:
    return [
        "## Which species it tells apart",
        "",
        f"Of an attack the verdict gives a chance for each of {', '.join(told['names'])}. On {told['rows']:,} dev attacks of "
        f"{told['people']} people, each told by a head that had not seen the person, the likeliest is right for {100 * told['accuracy']:.0f} % "
        f"({100 * told['chance']:.0f} % by chance); log loss {told['log_loss']:.2f}, against {told['log_loss_of_shares']:.2f} for whoever knows "
        "the shares alone.",
    ]


def _slices(found: dict[str, Any]) -> list[str]:
    rows = [
        f"## Whom {found['bundle']} turns away",
        "",
        "Bona fide pictures of the pool's test people, by what can be estimated from them (`benchmarks/slices.py` says how).",
        "",
        "| slice | BPCER | errors | 95 % interval |",
        "|---|---|---|---|",
    ]
    for name, one in found["slices"].items():
        low, high = one["interval"]
        rows.append(
            f"| {name} | {100 * one['bpcer']:.1f} % | {one['errors']}/{one['pictures']} | "
            f"{100 * low:.1f} to {100 * high:.1f} % |"
        )
    return rows


def _near_and_far(found: dict[str, Any], bundle: str) -> list[str]:
    rows = [
        "## Near and far cameras",
        "",
        f"All simulations on {found['people']} {found['split']} people, brought to so many pixels across the face before attack and camera, "
        f"as {bundle} judges them at its threshold (`benchmarks/face_sizes.py`). AUC is the mean over species, attacks passed too.",
        "",
        "| face behind the camera | AUC | physical | digital | turned away | attacks passed |",
        "|---|---|---|---|---|---|",
    ]
    for side, one in found["bundles"][bundle].items():
        areas = " | ".join(f"{one[key]:.3f}" for key in ("auc", "auc_physical", "auc_digital"))
        rows.append(f"| {side} px | {areas} | {100 * one['bpcer']:.0f} % | {100 * one['apcer']:.0f} % |")
    return rows


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def filled(text: str, between: str) -> str:
    """The text with another section between its marks."""
    before, rest = text.split(START)
    after = rest.split(END)[1]
    return f"{before}{START}\n{between}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8"), section()), encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), page_section()), encoding="utf-8")
