from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from bonaface.errors import MissingExtraError
from bonaface.evaluation.canvas import VARIABLES
from bonaface.evaluation.router_history import router_epochs
from bonaface.evaluation.router_page import router_page, write_router_page

from .pages import check_page
from .routers import event, router

EPOCHS = router_epochs([event(0, router()), event(1, router(), router(1, findings=["collapsed"]))])


def test_the_page_says_and_draws_everything() -> None:
    text = router_page("run-1", EPOCHS)
    assert "after epoch 2" in text
    assert "the router of block 1 is dead: one expert gets more than 90 % of the weight" in text
    assert text.count("<svg") == 3
    assert text == router_page("run-1", EPOCHS)


def test_it_loads_nothing_and_is_well_formed() -> None:
    text = router_page("run-1", EPOCHS)
    check_page(text)


def test_every_colour_of_its_figures_is_the_pages() -> None:
    text = router_page("run-1", EPOCHS)
    used = set(re.findall(r"var\(--(\w+)\)", text))
    defined = set(re.findall(r"--(\w+): #", text))
    assert used <= defined
    assert used & set(VARIABLES.values())


def test_foreign_words_are_harmless() -> None:
    text = router_page("<script>x</script>", router_epochs([event(0, router(name="<i>"))]))
    assert "<script>" not in text
    assert "<i>" not in text


def test_a_living_run_has_no_remarks() -> None:
    assert 'class="notes"' not in router_page("run", EPOCHS[:1])


def test_it_is_written_whole(tmp_path: Path) -> None:
    write_router_page(tmp_path / "router.html", "run-1", EPOCHS)
    assert [one.name for one in tmp_path.iterdir()] == ["router.html"]
    assert (tmp_path / "router.html").read_text(encoding="utf-8") == router_page("run-1", EPOCHS)


def test_without_jinja_it_says_which_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"the page of a run's routers .*bonaface\[report\]"):
        router_page("run", EPOCHS)
