"""What the page does when something is in the way: crowds, runs that go, cards named twice."""

from __future__ import annotations

import shutil
from urllib.parse import quote

import pytest
from viewed_games import train_kuhn, train_royal
from viewed_pages import headline, until, violations

pytestmark = pytest.mark.browser

ODD = "Zoë's run ♠ <script>document.title='run'<&script>"

THREE = """
game: {name: holdem, players: 3, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[allin]], flop: [[1]], turn: [[1]], river: [[1]], limp: true,
              bucket_method: percentile, bucket_counts: [25, 3, 3, 3]}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("viewed")


@pytest.fixture(scope="module")
def runs(place):
    royal, kuhn = train_royal(place / "royal"), train_kuhn(place / "kuhn")
    train_royal(royal, iterations=30_000, resume=True)
    shutil.copytree(royal, place / ODD)
    shutil.copytree(royal, place / "going")
    three = train_royal(place / "three", iterations=300, text=THREE)
    return royal, kuhn, place / ODD, place / "going", three


def settled(page):
    page.wait_for_selector("#page[aria-busy=false] :is(.acts, .ended)")


def called_down(page, least, valued):
    """Check and call to the end of so many hands, or more until one has a decision to value."""
    hands = 0
    while True:
        if page.locator(".ended").count():
            hands += 1
            if hands >= least and not (valued and page.locator("#values").count() == 0):
                return hands
            key = "n"
        else:
            key = "x" if "Check" in page.inner_text("#call") else "c"
        before = page.inner_text("#page")
        page.keyboard.press(key)
        page.wait_for_function(
            "before => document.getElementById('page').innerText !== before", arg=before
        )
        settled(page)


def test_a_place_that_is_refused_with_503_is_shown_when_asked_again(tab, allowed):
    allowed.append("status of 503")
    page = tab("#run=royal")
    headline(page, "^SB to act preflop")
    page.route("**/place?**", lambda route: route.fulfill(
        status=503, content_type="text/plain; charset=utf-8",
        body="64 requests are being answered; try again\n"))  # fmt: skip
    page.click(".actions [data-token=c]")
    page.wait_for_selector("[role=alert]")
    assert page.inner_text("[role=alert]") == "64 requests are being answered; try again"
    page.unroute("**/place?**")
    page.reload()
    headline(page, "^BB to act preflop")


def test_a_run_that_goes_while_it_is_looked_at_is_said_to_be_gone(tab, runs):
    page = tab("#run=going")
    headline(page, "^SB to act preflop")
    shutil.rmtree(runs[3])
    page.click(".actions [data-token=c]")
    page.wait_for_selector("[role=alert]")
    assert "there is no such run directory; it was there when" in page.inner_text("[role=alert]")
    assert violations(page) == []
    page.select_option("#run-0", "royal")
    headline(page, "to act preflop")


def test_a_checkpoint_that_goes_under_the_slider_is_said_and_others_are_shown(tab, runs):
    page = tab(f"#run={quote(ODD)}")
    headline(page, "^SB to act preflop")
    assert page.get_attribute("#checkpoint-0", "max") == "1"
    shutil.rmtree(runs[2] / "checkpoints" / "20000")
    page.focus("#checkpoint-0")
    page.keyboard.press("Home")
    page.wait_for_selector("[role=alert]")
    assert "20000" in page.inner_text("[role=alert]").replace(",", "")
    page.go_back()
    headline(page, "^SB to act preflop")
    assert ODD in page.title()


def test_a_board_with_a_card_twice_is_said_in_the_page(tab):
    page = tab(f"#run=royal&line={quote('c x /')}&board=TcTcQh")
    assert "Tc" in page.inner_text("[role=alert]")
    page = tab(f"#run=royal&line={quote('c x /')}")
    page.wait_for_selector("dialog")
    page.focus("#typed-board")
    page.fill("#typed-board", "Tc Tc Qh")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog [role=alert]")
    assert page.inner_text("dialog [role=alert]") == "Tc is named twice."
    page.fill("#typed-board", "Tc 2d Qh")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('dialog [role=alert]').textContent.startsWith('2d is no')")
    assert violations(page) == []
    page.fill("#typed-board", "Tc Jd Qh")
    page.keyboard.press("Enter")
    headline(page, "^BB to act on the flop Tc Jd Qh")


def test_three_play_to_a_result_and_two_tables_stand_apart(tab):
    page, other = tab("#run=three&view=play"), tab("#run=royal&view=play")
    for each in (page, other):
        each.click(".lobby button")
        settled(each)
    assert page.locator(".seats > *").count() == 3
    for each in (page, other):
        hands = called_down(each, 4, valued=each is other)
        told = each.inner_text(".result")
        assert f"{hands} hands" in told
        assert "95 % interval that may be watched" in told
        assert "less the luck of the board and of its moves" in told
        assert violations(each) == []
    assert "No EVs, and no action that is best by EV" in page.inner_text("#page")
    other.click("#values")
    other.wait_for_selector(".worth")
    assert "best by EV" in other.inner_text("#page")


def test_a_hand_goes_on_where_it_was_after_reload_and_back_and_forward(tab):
    page = tab("#run=royal")
    headline(page, "^SB to act preflop")
    page.click(".actions [data-token=c]")
    headline(page, "^BB to act preflop")
    page.go_back()
    headline(page, "^SB to act preflop")
    page.go_forward()
    headline(page, "^BB to act preflop")
    page.click("button:text-is('Play')")
    page.click(".lobby button")
    settled(page)
    hole, seat = page.inner_text(".you .cards"), page.inner_text(".you")
    page.reload()
    settled(page)
    assert (page.inner_text(".you .cards"), page.inner_text(".you")) == (hole, seat)
    page.go_back()
    headline(page, "^BB to act preflop")
    page.go_forward()
    settled(page)
    assert page.inner_text(".you .cards") == hole


@pytest.mark.parametrize(
    "address",
    ["#run=royal&line=c%20x%20/&board=TcJdQh", "#run=three&view=play", "#run=kuhn"],
)
def test_at_200_percent_nothing_is_cut_off(tab, address):
    page = tab(address, size={"width": 640, "height": 450})
    page.wait_for_selector("#page[aria-busy=false]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 640
    page.set_viewport_size({"width": 1280, "height": 900})
    page.wait_for_selector("#page[aria-busy=false]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
