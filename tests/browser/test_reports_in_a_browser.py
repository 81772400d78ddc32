"""Reports of solved spots in a real browser: run-outs and both players, by mouse, keys and link."""

from __future__ import annotations

import pytest
from viewed_pages import PHONE, until, viewing, violations

from cfr_shm.cli.main import main

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    path = tmp_path_factory.mktemp("viewed")
    spot = ["--board", "Td9d6hQc", "--oop", "AA,QQ,T9s", "--ip", "KK,98s,AQs", "--pot", "100"]
    spot += ["--stack", "200", "--bets", "60%", "--iters", "30", "--logdir", str(path / "spot")]
    assert main(["solve", *spot]) == 0
    with viewing([path / "spot"], path) as address:
        yield address


def loaded(page):
    page.wait_for_selector(".report[aria-busy=false]")


def test_run_outs_are_looked_through_and_led_to_with_the_mouse(tab):
    page = tab("#run=spot")
    page.wait_for_selector(".headline")
    page.click("text=Run-outs")
    page.wait_for_selector(".runouts .cell.never")  # nobody checks twice
    assert page.locator(".runouts .cell.never .foot").first.inner_text().endswith("*")
    page.focus("#after")
    page.select_option("#after", "b60-c")
    page.wait_for_selector(".runouts .cell.here")
    until(page, "document.activeElement.id === 'after'")
    assert page.locator(".runouts .cell.here, .runouts .cell.never").count() == 48
    assert page.locator(".runouts .cell.gone").count() == 4
    assert page.locator(".cards-table tbody tr").count() == 48
    assert "report=cards" in page.evaluate("location.hash")
    page.select_option("#metric", "ev")
    until(page, "location.hash.includes('metric=ev')")
    loaded(page)
    assert page.locator(".runouts .cell.here .foot").first.inner_text().replace(".", "").isdigit()
    page.click(".cards-table th:nth-child(2) .sort")
    assert page.get_attribute(".cards-table th:nth-child(2)", "aria-sort") == "descending"
    assert violations(page) == []
    page.click(".runouts [data-card='2s']")
    page.wait_for_function("() => document.querySelector('.headline')?.textContent.includes('2s')")
    assert "OOP to act on the river" in page.inner_text(".headline")
    loaded(page)  # the same report, now of the line that led here
    assert page.locator(".runouts [data-card='2s']").count() == 1
    page.go_back()
    until(page, "!document.querySelector('.headline').textContent.includes('2s')")


def test_players_are_compared_with_keys_only(tab):
    page = tab("#run=spot&line=x")
    page.wait_for_selector(".headline")
    page.keyboard.press("v")
    page.wait_for_selector(".players-report")
    assert page.locator(".versus thead th").all_inner_texts() == ["OOP", "IP"]
    values = [float(text) for text in page.locator(".versus tr:nth-child(4) td").all_inner_texts()]
    assert sum(values) == pytest.approx(100.0, abs=0.1)
    assert page.locator(".squares .matrix").count() == 2
    assert page.locator(".spread .curve").count() == 4  # two curves, two samples
    assert violations(page) == []
    page.keyboard.press("r")
    page.wait_for_selector(".runouts")
    page.focus(".runouts [tabindex='0']")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    name = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert name.startswith("K of hearts: ")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.headline')?.textContent.includes('Kh')")


def test_a_link_leads_to_a_report_before_its_card_is_chosen(tab):
    page = tab("#run=spot&line=x-x/&report=cards&metric=equity")
    page.wait_for_selector(".runouts")
    assert page.locator("dialog").count() == 0
    assert page.input_value("#metric") == "equity"
    assert "x-x" in page.inner_text(".report h2")


def test_a_phone_shows_both_reports_in_the_dark(tab):
    for report, inside in (("cards", ".runouts"), ("players", ".squares .matrix")):
        page = tab(f"#run=spot&line=x&report={report}", size=PHONE, scheme="dark")
        page.wait_for_selector(inside)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        box = page.locator(inside).first.bounding_box()
        assert box["x"] + box["width"] <= PHONE["width"]
        assert violations(page) == []


def test_what_a_report_needs_first_is_said(tab):
    page = tab("#run=spot&report=players&line=x-x/&board=Td9d6hQc2s")
    page.wait_for_selector(".players-report")
    page.click("text=Run-outs")
    page.wait_for_selector(".runouts")
    assert "x-x" in page.inner_text(".report h2")
    page = tab("#run=spot&report=players&line=x-x/")
    page.wait_for_selector("dialog")
    page.keyboard.press("Escape")
    assert "Choose the board first" in page.inner_text(".report")
