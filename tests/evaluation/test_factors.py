from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bonaface.evaluation.causal_probe import Change, ClassProbe, Probe
from bonaface.evaluation.factors import tested_gaps as gaps_of
from bonaface.evaluation.fairness import Fairness, Gap, Group, Grouping, NoiseTest
from bonaface.evaluation.markdown import markdown
from bonaface.evaluation.measured import MeasuredRate, measured
from bonaface.evaluation.rates import Rate
from bonaface.evaluation.report import Report
from bonaface.evaluation.reporting import report_from_scores
from bonaface.evaluation.robustness import AlteredProbe, Areas, Robustness, RobustnessCurve, RobustnessPoint
from bonaface.vocabulary import Split

from .reading import HOSTILE, SHOWN, check, section, tables, words
from .tables import joined, table_of

NAN = math.nan
ROWS = (*[("bonafide", 0.1)] * 3, ("print", 0.9), ("print", 0.05))


@pytest.fixture(scope="module")
def report() -> Report:
    return report_from_scores(joined(table_of(*ROWS, split="dev"), table_of(*ROWS)))


def rate(errors: int, total: int) -> MeasuredRate:
    return measured(Rate(errors, total))


def group(*values: str, errors: int = 4, total: int = 200, is_small: bool = False) -> Group:
    silent, attacks = rate(1, total + 1), rate(3, 40)
    return Group(values, rate(errors, total), silent, attacks, "print", rate(2, 20), is_small)


def gap(*, p: float | None, low: str = "light", high: str = "dark") -> Gap:
    test = None if p is None else NoiseTest(300, p / 2, p, is_within_noise=p > 0.05)
    return Gap(
        groups=((low,), (high,)), lowest=(low,), highest=(high,), difference=0.0625, ratio=0.5, test=test
    )


def fairness(
    *columns: Grouping, crossings: tuple[Grouping, ...] = (), notes: tuple[str, ...] = ()
) -> Fairness:
    return Fairness(0.5, 30, 0.95, columns, crossings, list(notes))


TONE = Grouping(
    ("tone",),
    (group("light"), group("dark", errors=16, total=200), group("other", total=7, is_small=True)),
    12,
    {"bpcer": gap(p=0.0004), "bpnrr": gap(p=0.7)},
    NAN,
    0.25,
)
CROSSED = Grouping(
    ("tone", "lamp"), (group("dark", "on"), group("dark", "off")), 1234, {"bpcer": gap(p=None)}, 0.1, 0.5
)


def test_groups_and_their_gaps(report: Report) -> None:
    text = markdown(replace(report, fairness=fairness(TONE, notes=("a note",))))
    check(text)
    rates, gaps = tables(section(text, "Groups"))
    assert rates[0] == [
        "tone", "BPCER", "bona fide without an answer", "APCER pooled", "APCER worst species", "compared by BPCER"
    ]  # fmt: skip
    assert [row[0] for row in rates[1:]] == ["light", "dark", "other"]
    assert [row[1][:19] for row in rates[1:]] == [
        "4 of 200 = 2.00 % (",
        "16 of 200 = 8.00 % ",
        "4 of 7 = 57.14 % (1",
    ]
    assert rates[1][2].startswith("1 of 201 = 0.50 % (0.01 to ")
    assert rates[1][3].startswith("3 of 40 = 7.50 % (")
    assert rates[1][4].startswith("print: 2 of 20 = 10.00 % (")
    assert [row[5] for row in rates[1:]] == ["yes", "yes", "no: fewer than 30 bona fide rows"]
    assert gaps[1:] == [
        ["BPCER", "light", "dark", "6.25 %", "0.50", "< 0.001", "more than noise"],
        ["BPNRR", "light", "dark", "6.25 %", "0.50", "0.700", "within noise"],
        ["APCER pooled", "", "", "not known", "", "", "fewer than two groups have enough rows"],
    ]
    below = words(section(text, "Groups"))
    assert "Equalised odds: difference not known, ratio 0.25." in below
    assert "Rows without a value of tone: 12." in below
    assert "at least 30 rows of a rate are compared" in below
    assert "(Holm), is below 5 %" in below
    assert below.splitlines()[-1] == "a note"
    assert gaps_of(replace(report, fairness=fairness(TONE))) == [
        ("BPCER differs by 6.25 % between light and dark (tone)", False),
        ("BPNRR differs by 6.25 % between light and dark (tone)", True),
    ]
    assert gaps_of(report) == []


def test_crossed_columns_are_not_tested(report: Report) -> None:
    text = markdown(replace(report, fairness=fairness(TONE, TONE, crossings=(CROSSED,))))
    check(text)
    rates, gaps = tables(section(text, "Groups, crossed"))
    assert [row[0] for row in rates] == ["tone x lamp", "dark, on", "dark, off"]
    assert gaps[1] == ["BPCER", "light", "dark", "6.25 %", "0.50", "", "not tested"]
    assert "Rows without a value of tone x lamp: 1,234." in text
    assert gaps_of(replace(report, fairness=fairness(CROSSED))) == []


def test_why_there_are_no_groups(report: Report) -> None:
    assert (
        words(section(markdown(report), "Groups"))
        == "Not measured: no group column of the scores was compared."
    )
    bare = markdown(replace(report, fairness=fairness(notes=("column lamp has one value",))))
    assert words(section(bare, "Groups")).splitlines()[1:] == ["column lamp has one value"]
    without = markdown(replace(report, threshold=None))
    assert words(section(without, "Groups")) == "Not measured: there is no threshold."


def point(severity: float, *, errors: int, auc: float = 0.9) -> RobustnessPoint:
    attacks, worst, bonafide = rate(errors, 200), rate(errors, 40), rate(errors, 100)
    silent = rate(0, 10)
    return RobustnessPoint(severity, auc, attacks, worst, "print", bonafide, 0.125, silent, silent)


def curve(kind: str, unit: str, *points: RobustnessPoint, notes: tuple[str, ...] = ()) -> RobustnessCurve:
    return RobustnessCurve(kind, unit, 0.5, points, Areas(0.8, 0.1, 0.2, 0.05, 0.0375), notes)


def probe(bonafide: Change, attack: Change) -> Probe:
    of = [ClassProbe(10, 0, change, change, rate(1, 10), rate(0, 10), 1.0) for change in (bonafide, attack)]
    return Probe(0.5, *of)


def measured_robustness(kind: str = "blur", unit: str = "px", note: str = "a note") -> Robustness:
    nothing = RobustnessPoint(3.0, NAN, rate(0, 0), rate(0, 0), None, rate(0, 0), NAN, rate(5, 5), rate(5, 5))
    curves = (
        curve(kind, unit, point(0.0, errors=2), point(0.5, errors=8, auc=0.75)),
        curve("dark", "EV", point(0.0, errors=2), nothing, notes=(note,)),
    )
    changed = probe(Change(0.25, 0.2, 0.125, 0.375), Change(-0.5, -0.5, NAN, NAN))
    return Robustness("tiny 1", Split.TEST, 1500, curves, (AlteredProbe(kind, 0.5, changed),))


def test_altered_pictures(report: Report) -> None:
    text = markdown(report, robustness=measured_robustness())
    check(text)
    below = section(text, "Altered pictures")
    assert tables(below)[0][1:] == [
        ["blur", "0.5 px", "0.9000 → 0.7500", "5.00 % → 20.00 %", "2.00 % → 8.00 %", "3.75 %"],
        ["dark", "3 EV", "0.9000 → not known", "5.00 % → not known", "2.00 % → not known", "3.75 %"],
    ]
    assert words(below).startswith(
        "1,500 test pictures as they are and altered, judged by tiny 1, an attack from 0.5000 on."
    )
    assert words(below).splitlines()[-1] == "a note"


def test_every_severity_and_what_it_does_to_scores(report: Report) -> None:
    text = markdown(report, robustness=measured_robustness())
    rows = tables(section(text, "Altered pictures, every severity"))[0][1:]
    assert [row[:3] for row in rows] == [
        ["blur", "0 px", "0.9000"], ["blur", "0.5 px", "0.7500"], ["dark", "0 EV", "0.9000"],
        ["dark", "3 EV", "not known"],
    ]  # fmt: skip
    assert rows[1][3].startswith("8 of 200 = 4.00 % (")
    assert rows[1][4].startswith("print: 8 of 40 = 20.00 % (")
    assert rows[1][5].startswith("8 of 100 = 8.00 % (")
    assert rows[1][6:] == ["12.50 %", "+0.250 (+0.125 to +0.375)", "-0.500 (not known)"]
    assert rows[0][7:] == ["", ""]
    assert rows[3][3:] == ["not known", "not known: not known", "not known", "not known", "", ""]


def test_hostile_names(report: Report) -> None:
    tone = replace(
        TONE, columns=(HOSTILE,), groups=(replace(TONE.groups[0], values=(HOSTILE,), worst_species=HOSTILE),)
    )
    found = fairness(
        replace(tone, gaps={"bpcer": gap(p=0.01, low=HOSTILE, high=HOSTILE)}),
        crossings=(tone,),
        notes=(HOSTILE,),
    )
    text = markdown(
        replace(report, fairness=found), robustness=measured_robustness(HOSTILE, HOSTILE, HOSTILE)
    )
    check(text)
    rates, gaps = tables(section(text, "Groups"))
    assert rates[0][0] == rates[1][0] == gaps[1][1] == SHOWN
    assert tables(section(text, "Altered pictures, every severity"))[0][2][:2] == [SHOWN, f"0.5 {SHOWN}"]
