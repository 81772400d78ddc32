"""The viewer as people use it: in a real browser, with a mouse, with keys only, on a phone.

Chromium has to be on the machine (``CFR_SHM_CHROMIUM`` names it, else it is looked for), Playwright
installed by the extra ``browser-tests``: where one is missing, these tests fail rather than pass.
"""

from __future__ import annotations

import shutil
from urllib.parse import quote

import pytest
from viewed_games import train_kuhn, train_royal
from viewed_pages import PHONE, headline, until, violations

from cfr_shm.cards.deck import DECKS
from cfr_shm.cards.ranges import parse_range
from cfr_shm.cli.main import main

pytestmark = pytest.mark.browser

HOSTILE = "<script>document.title='run'<&script>"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    path = tmp_path_factory.mktemp("viewed")
    royal, kuhn = train_royal(path / "royal"), train_kuhn(path / "kuhn")
    shutil.copytree(kuhn, path / HOSTILE)
    spot = ["--board", "Td9d6hQc", "--oop", "AA,QQ", "--ip", "KK,98s", "--pot", "100"]
    spot += ["--stack", "200", "--bets", "60%", "--iters", "20", "--logdir", str(path / "spot")]
    assert main(["solve", *spot]) == 0
    return royal, kuhn, path / HOSTILE, path / "spot"


def test_a_turn_is_reached_with_the_mouse_and_a_range_is_copied(tab):
    page = tab("#run=royal")
    headline(page, "^SB to act preflop")
    page.click(".actions [data-token=c]")
    headline(page, "^BB to act preflop")
    page.click(".step.now [data-token=x]")
    for name in ("Tc", "Jd", "Qh"):
        page.click(f"dialog [data-card={name}]")
    headline(page, "^BB to act on the flop Tc Jd Qh")
    page.click(".step.now [data-token=x]")
    headline(page, "^SB to act on the flop")
    page.click(".step.now [data-token=x]")
    page.click("dialog [data-card=Ks]")
    headline(page, "^BB to act on the turn Tc Jd Qh Ks")
    page.click("text='▶'")
    headline(page, "^BB to act on the turn Tc Jd Qh Ac")
    page.click(".copy-all")
    until(page, "document.getElementById('said').textContent.startsWith('copied')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert parse_range(DECKS["royal"], copied).any()
    assert violations(page) == []


def test_a_turn_is_reached_with_keys_only_and_undone(tab):
    page = tab("#run=royal")
    headline(page, "^SB to act preflop")
    keys = page.keyboard
    keys.press("2")
    headline(page, "^BB to act preflop")
    keys.press("1")
    page.wait_for_selector("dialog")
    page.focus("#typed-board")
    keys.type("Tc Jd Qh")
    keys.press("Enter")
    headline(page, "^BB to act on the flop Tc Jd Qh")
    keys.press("1")
    headline(page, "^SB to act on the flop")
    keys.press("1")
    page.wait_for_selector("dialog")
    page.focus("#typed-board")
    page.fill("#typed-board", "Tc Jd Qh Ks")
    keys.press("Enter")
    headline(page, "^BB to act on the turn Tc Jd Qh Ks")
    keys.press("m")
    keys.press("ArrowRight")
    keys.press("ArrowDown")
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused.startswith("KK: ")
    keys.press("Enter")
    assert page.get_attribute(".cell[aria-selected=true]", "data-index") == "6"
    assert all(text.startswith("K") for text in page.locator("tbody th .card:first-child")
               .all_text_contents())  # fmt: skip
    keys.press("u")
    until(page, "!location.hash.includes('Ks')")


def test_a_link_leads_to_a_place_a_checkpoint_and_a_policy(tab, runs):
    line, board = quote("c x / x"), "TcJdQh"
    page = tab(f"#run=royal&line={line}&board={board}&checkpoint=20000&policy=current")
    headline(page, "^SB to act on the flop Tc Jd Qh")
    assert page.input_value("#policy-0") == "current"
    assert "20,000 iterations" in page.inner_text("#controls output")
    average = tab(f"#run=royal&line={line}&board={board}")
    headline(average, "^SB to act on the flop Tc Jd Qh")
    shares = [each.locator(".actions tbody td").first.inner_text() for each in (page, average)]
    assert shares[0] != shares[1]


def test_a_checkpoint_that_is_saved_meanwhile_is_shown(tab, runs):
    page = tab("#run=royal")
    headline(page, "^SB to act preflop")
    assert "20,000" in page.inner_text("#controls output")
    train_royal(runs[0], iterations=60_000, resume=True)
    until(page, "document.querySelector('#controls output').textContent.includes('60,000')")
    until(page, "document.querySelector('.infobox').textContent.includes('60,000')")
    page.keyboard.press("[")
    until(page, "location.hash.includes('checkpoint=')")
    until(page, "!document.querySelector('.infobox').textContent.includes('60,000')")


def test_a_phone_shows_all_of_it_in_the_dark(tab):
    address = f"#run=royal&line={quote('c x / x')}&board=TcJdQh"
    page = tab(address, size=PHONE, scheme="dark")
    headline(page, "^SB to act on the flop")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    box = page.locator(".matrix").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    page.click("text=Convergence and quality")
    page.wait_for_selector(".curves")
    assert violations(page) == []


def test_other_games_are_searched_and_names_are_only_text(tab):
    page = tab(f"#run={quote(HOSTILE)}")
    page.wait_for_selector(".infosets tbody tr")
    assert page.locator(".infosets tbody tr").count() == 12
    assert HOSTILE in page.title()
    page.fill("#search", page.locator(".infosets tbody th").first.inner_text())
    page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('.infosets tbody tr').length < 12")
    assert page.locator("#page script, #controls script").count() == 0
    assert violations(page) == []


def test_what_cannot_be_shown_is_said_in_the_page(tab):
    page = tab(f"#run=royal&line={quote('<img src=x onerror=alert(1)>')}")
    assert "<img" in page.inner_text("[role=alert]")
    assert page.locator("#page img").count() == 0
    page = tab("#run=nobody")
    assert "no run nobody is shown here" in page.inner_text("[role=alert]")


def test_two_policies_stand_beside_each_other(tab):
    page = tab("#run=royal&beside=royal&beside_policy=current")
    until(page, "document.querySelectorAll('.matrix').length === 2")
    titles = page.locator(".panes.two > div > h2").all_text_contents()
    assert [title.rpartition(", ")[2] for title in titles] == ["average", "current"]
    page.click("text=Close")
    until(page, "document.querySelectorAll('.matrix').length === 1")


def test_a_solved_spot_is_walked_to_the_river(tab):
    page = tab("#run=spot")
    headline(page, "^OOP to act on the turn")
    assert "EV" in page.locator(".combos thead").inner_text()
    page.click(".actions [data-token=x]")
    headline(page, "^IP to act on the turn")
    page.keyboard.press("1")
    page.click("dialog [data-card='2s']")
    headline(page, "^OOP to act on the river Td 9d 6h Qc 2s")
    assert violations(page) == []
