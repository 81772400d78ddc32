"""Playing in the page as people do: with a mouse, with keys only, on a phone, in the dark."""

from __future__ import annotations

import json
import shutil
from urllib.parse import quote

import pytest
from viewed_games import train_royal
from viewed_pages import DESKTOP, PHONE, until, violations

from cfr_shm.protocols.phh import documents, read_hand

pytestmark = pytest.mark.browser

HOSTILE = "<script>document.title='played'<&script>"
HANDS = 10


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    path = tmp_path_factory.mktemp("played")
    royal = train_royal(path / "royal")
    shutil.copytree(royal, path / HOSTILE)
    return royal, path / HOSTILE


def settled(page):
    """Wait until the server has answered and the page shows it."""
    page.wait_for_selector("#page[aria-busy=false] :is(.acts, .ended)")


def play(page, do):
    """Play hands; ``do`` acts where it is one's turn, or asks for the next hand."""
    settled(page)
    over = 0
    while True:
        ended = page.locator(".ended").count() > 0
        over += ended
        if over == HANDS:
            return
        before = page.inner_text("#page")
        do(ended)
        page.wait_for_function(
            "before => document.getElementById('page').innerText !== before", arg=before
        )
        settled(page)


def played_hands(page):
    """Return the hands that the page's table has kept."""
    table = page.evaluate("new URLSearchParams(location.hash.slice(1)).get('table')")
    text = page.evaluate(
        "async table => (await (await fetch(`/api/tables/${table}/history`)).json()).text", table
    )
    return [read_hand(each) for each in documents(text, "played")]


def test_ten_hands_are_played_with_the_mouse_and_copied(tab):
    page = tab("#run=royal")
    page.click("button:text-is('Play')")
    page.click(".lobby button")
    settled(page)
    assert violations(page) == []
    turns = 0

    def click(ended):
        nonlocal turns
        turns += not ended
        if ended:
            page.click("#next")
            return
        size, buttons = page.locator("#size"), page.locator(".acts button")
        if size.count():  # which the last button, the form's own, takes
            size.fill("50%")
        buttons.nth(turns % buttons.count()).click()

    play(page, click)
    assert f"{HANDS} hands" in page.inner_text(".result")
    assert "less the luck" in page.inner_text(".result")
    assert violations(page) == []
    page.click("#copy")
    until(page, "document.getElementById('said').textContent.startsWith('copied')")
    copied = page.evaluate("navigator.clipboard.readText()")
    hands = [read_hand(each) for each in documents(copied, "copied")]
    assert len(hands) == HANDS
    assert {name for hand in hands for name in hand.names} == {"you", "royal@20000"}
    with page.expect_download() as download:
        page.click("text='Download'")
    assert download.value.suggested_filename == "hands.phhs"
    assert documents(download.value.path().read_text(), "file")


def test_ten_hands_are_played_with_keys_only_on_a_phone_in_the_dark(tab):
    page = tab("#run=royal&view=play", size=PHONE, scheme="dark")
    page.keyboard.press("n")
    keys = iter("cx1ca" * 100)

    def press(ended):
        if ended:
            page.keyboard.press("n")
            return
        key = next(keys)
        if key == "a" and not page.locator("#size").count():
            key = "c"
        if key == "1" and not page.locator("[data-chips]").count():
            key = "f" if page.locator("#fold").count() else "x"
        page.keyboard.press(key)

    play(page, press)
    page.keyboard.press("e")
    until(page, "document.querySelectorAll('#values').length === 0")
    page.wait_for_selector("#page[aria-busy=false]")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert len(played_hands(page)) == HANDS
    assert violations(page) == []
    page.keyboard.press("?")
    assert "fold" in page.inner_text("dialog")
    assert violations(page) == []


def test_a_size_may_be_typed_and_what_is_refused_is_said(tab):
    page = tab("#run=royal&view=play&seat=SB")
    page.click(".lobby button")
    settled(page)
    page.keyboard.press("b")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert "a bet or raise is to" in page.inner_text("[role=alert]")
    page.fill("#size", "7")
    page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('[role=alert]').length === 0")
    settled(page)
    while not page.locator(".ended").count():
        page.keyboard.press("f" if page.locator("#fold").count() else "x")
        page.wait_for_selector("#page[aria-busy=false]")
    assert "raise to 7" in page.inner_text(".ended")
    assert "is not in its tree; it was read as" in page.inner_text(".ended")
    assert "raise to 7: it does so" in page.inner_text(".review")


def test_other_peoples_cards_stay_with_the_server(tab):
    answers = []
    page = tab("#run=royal&view=play&seat=BB")
    page.on("response", lambda answer: "tables" in answer.url and answers.append(answer))
    page.click(".lobby button")
    settled(page)
    for _ in range(12):
        document = json.loads(answers[-1].text())
        other = document["seats"][0]
        shown = document["over"] and not any(each["folded"] for each in document["seats"])
        assert (other["cards"] is not None) == bool(shown)
        page.click("#next" if document["over"] else "#call")
        page.wait_for_selector("#page[aria-busy=false]")
        settled(page)


def test_who_waits_long_is_told_how_long(tab):
    page = tab("#run=royal&view=play")
    held = []

    def hold(route):
        held.append(route)

    page.route("**/api/runs/royal/tables", hold)
    page.click(".lobby button")
    until(page, "/^working for [0-9]+ s/.test(document.getElementById('said').textContent)")
    held[0].continue_()
    settled(page)
    until(page, "!document.getElementById('said').textContent.includes('working for')")


def test_a_table_is_found_again_by_its_address_and_said_to_be_closed(tab, url):
    page = tab("#run=royal&view=play")
    page.click(".lobby button")
    settled(page)
    hole = page.inner_text(".you .cards")
    again = tab(page.evaluate("location.hash"))
    settled(again)
    assert again.inner_text(".you .cards") == hole
    gone = tab("#run=royal&view=play&table=none")
    assert "this table is closed" in gone.inner_text("[role=alert]")
    gone.click(".lobby button")
    settled(gone)


def test_a_run_named_as_a_script_is_played_and_only_text(tab):
    page = tab(f"#run={quote(HOSTILE)}&view=play&seat={quote('<img src=x onerror=alert(1)>')}")
    page.click(".lobby button")
    page.wait_for_selector("[role=alert]")
    assert "the seats are SB, BB" in page.inner_text("[role=alert]")
    page.fill("#seat", "")
    page.click(".lobby button")
    settled(page)
    assert HOSTILE in page.inner_text(".result")
    assert page.locator("#page script, #page img").count() == 0
    assert page.title() != "played"
    assert violations(page) == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_spot_is_trained_with_keys_and_with_the_mouse(tab, size):
    page = tab(f"#run=royal&line={quote('c x /')}&board=TcJdQh", size=size)
    page.click("button:text-is('Train here')")
    for number in range(1, 7):
        page.wait_for_selector(f".trainer[aria-label='spot {number}'] .acts")
        page.wait_for_selector("#page[aria-busy=false]")
        if number % 2:
            page.keyboard.press("1")
        else:
            page.locator(".acts button").last.click()
        page.wait_for_selector("#page[aria-busy=false] .ended")
        assert f"{number} spot" in page.inner_text(".result")
        if number == 3:
            page.click("#values")
            page.wait_for_selector(".worth")
            assert "best by EV" in page.inner_text(".worth")
            assert violations(page) == []
            page.keyboard.press("n")
        else:
            page.click("#next")
    page.wait_for_selector("#page[aria-busy=false] .acts")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert violations(page) == []
    page.click("text=Back to the range")
    page.wait_for_selector(".headline")


def test_a_seat_that_solves_rivers_anew_is_chosen_with_the_mouse(tab):
    documents = []
    page = tab("#run=royal&view=play")
    page.select_option("#resolve", label="rivers solved anew, in 0.5 s")
    page.on("response", lambda each: "tables" in each.url and documents.append(each))
    page.click(".lobby button")
    settled(page)
    assert "against royal@20000+resolve" in page.inner_text(".result")
    rivers = 0
    for _ in range(30):
        document = json.loads(documents[-1].text())
        rivers += not document["over"] and document["street"] == "river"
        if rivers and document["over"]:
            break
        page.click("#next" if document["over"] else "#call")
        page.wait_for_selector("#page[aria-busy=false]")
        settled(page)
    assert rivers > 0
    assert violations(page) == []
