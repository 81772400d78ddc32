"""What the page says of a place: infobox, cells, hands, buckets, checkpoints, curves.

What is read off the page is compared with what the server says, or with what the rules give.
"""

from __future__ import annotations

import http.client
import json
import shutil
from urllib.parse import quote, urlencode, urlsplit

import pytest
from viewed_games import train_kuhn, train_royal
from viewed_pages import until, viewing

from cfr_shm.cards.deck import DECKS
from cfr_shm.cards.ranges import parse_range

pytestmark = pytest.mark.browser

FLOP = {"line": "c x / x", "board": "TcJdQh"}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    path = tmp_path_factory.mktemp("viewed")
    royal = train_royal(path / "royal", iterations=10_000)
    train_royal(royal, iterations=20_000, resume=True)
    scarce = train_royal(path / "scarce", iterations=3)
    kuhn = train_kuhn(path / "kuhn")
    shutil.copytree(kuhn, path / "again")
    with viewing([royal, scarce, kuhn, path / "again"], path) as address:
        yield address


def said(url, target, **asked):
    """What the server says, without a browser."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", f"{target}?{urlencode(asked)}")
    found = json.loads(connection.getresponse().read())
    connection.close()
    return found


def link(**named):
    return "#" + "&".join(f"{key}={quote(value)}" for key, value in named.items())


def infobox(page):
    names = page.locator(".infobox dt").all_text_contents()
    return dict(zip(names, page.locator(".infobox dd").all_text_contents(), strict=True))


def column(page, number):
    """The numbers of a column of the table of hands."""
    texts = page.locator(f".combos tbody tr td:nth-of-type({number})").all_text_contents()
    return [float(text.removesuffix(" %").replace(",", "")) for text in texts]


def test_the_infobox_has_positions_pot_stacks_and_odds(tab, url):
    page = tab(link(run="royal", line="allin"))
    page.wait_for_selector(".infobox")
    found = infobox(page)
    # Blinds of 1 and 2, stacks of 20: the small blind is all in, 18 more win 22.
    assert (found["To act"], found["Pot"], found["To call"]) == ("BB", "22", "18")
    assert found["Pot odds"] == "45.0 %"
    assert found["Stacks"] == "0 / 18"
    assert found["Ranges"].startswith("SB ")
    assert "BB 100.0 %" in found["Ranges"]
    assert found["Iterations"] == "20,000"


def test_each_cell_has_visits_and_reach_and_a_letter_beside_its_colour(tab, url):
    page = tab(link(run="royal", **FLOP))
    page.wait_for_selector(".matrix")
    place = said(url, "/api/runs/royal/place", **FLOP)
    labels = [each.get_attribute("aria-label") for each in page.locator(".cell").all()]
    feet = page.locator(".cell .foot").all_text_contents()
    assert len(labels) == len(place["chart"]["classes"]) == 25
    letters = {action["letter"] for action in place["actions"]}
    for cell, label, foot in zip(place["chart"]["classes"], labels, feet, strict=True):
        assert label.startswith(f"{cell['name']}: ")
        assert f"{100 * cell['weight']:.1f} % of {cell['hands']} hands come here" in label
        assert f" {round(cell['visits']):,}" in label or cell["visits"] % 1
        assert foot == "" or foot == "?" or foot[0] in letters


def test_cells_that_were_never_visited_are_marked(tab, url):
    page = tab(link(run="scarce", **FLOP))
    page.wait_for_selector(".matrix")
    place = said(url, "/api/runs/scarce/place", **FLOP)
    here = [cell for cell in place["chart"]["classes"] if cell["hands"] and cell["weight"] > 0.005]
    never = [cell["name"] for cell in here if cell["probability"] is None]
    assert never
    assert page.locator(".cell.never .name").all_text_contents() == never
    assert set(page.locator(".cell.never .foot").all_text_contents()) == {"?"}
    label = page.locator(".cell.never").first.get_attribute("aria-label")
    assert "never visited in training: no strategy" in label
    assert infobox(page)["Never visited"] != "0.0 %"


def test_hands_are_sorted_filtered_by_action_and_copied_by_action(tab, url):
    page = tab(link(run="royal", line=""))
    page.wait_for_selector(".combos tbody tr")
    place = said(url, "/api/runs/royal/place")
    tokens = [action["token"] for action in place["actions"]]
    second = place["actions"][1]
    page.click(f".combos thead button:text-is('{second['name']}')")
    until(page, "document.querySelector('.combos [aria-sort=descending]') !== null")
    falling = column(page, 3)
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > falling[-1]
    page.click(".combos thead [aria-sort] button")
    until(page, "document.querySelector('.combos [aria-sort=ascending]') !== null")
    rising = column(page, 3)
    assert rising == sorted(rising)
    page.click(f"[aria-label='only {second['name']}']")
    until(page, "document.querySelector('.actions [aria-pressed=true]') !== null")
    assert all(share > 0.4 for share in column(page, 3))
    page.click(f"[aria-label='copy the range of {second['name']}']")
    until(page, "document.getElementById('said').textContent.startsWith('copied')")
    copied = parse_range(DECKS["royal"], page.evaluate("navigator.clipboard.readText()"))
    asked = said(url, "/api/runs/royal/range", action=tokens[1])
    assert copied == pytest.approx([float(each) for each in asked["weights"].split()])
    assert copied.any()


def test_a_hand_s_bucket_leads_to_its_mates(tab, url):
    page = tab(link(run="royal", **FLOP))
    page.wait_for_selector(".combos tbody tr")
    place = said(url, "/api/runs/royal/place", **FLOP)
    bucket = int(page.locator(".combos .bucket").first.inner_text())
    page.locator(".combos .bucket").first.click()
    until(page, "document.querySelector('.combos .filters').textContent.includes('of bucket')")
    mates = [
        cards
        for cards, its in zip(place["hands"]["cards"], place["hands"]["bucket"], strict=True)
        if its == bucket
    ]
    assert len(mates) > 1
    assert page.locator(".combos h2").inner_text() == f"{len(mates)} hands"
    if page.locator("text=Show all").count():
        page.click("text=Show all")
        until(page, f"document.querySelectorAll('.combos tbody tr').length === {len(mates)}")
    assert set(page.locator(".combos .bucket").all_text_contents()) == {str(bucket)}


def test_lines_are_typed_translated_in_words_and_undone_and_boards_are_dealt(tab):
    page = tab(link(run="royal"))
    page.wait_for_selector(".matrix")
    page.keyboard.press("/")
    page.keyboard.type("b7")
    page.keyboard.press("Enter")
    page.wait_for_selector("p.warn")
    told = page.inner_text("p.warn")
    assert told.startswith("b7 is not in the tree")
    assert "(pseudo-harmonic mapping); read as" in told
    page.click("text=Undo")
    until(page, "!location.hash.includes('b7') && document.querySelector('.matrix') !== null")
    page.fill("#line", "c x")
    page.click("text=Go")
    page.click("dialog >> text=Random")
    page.wait_for_function(
        "() => /on the flop/.test(document.querySelector('.headline')?.textContent)"
    )
    assert page.locator(".strip .board .card").count() == 3


def test_checkpoints_are_slid_over_with_keys(tab):
    page = tab(link(run="royal"))
    page.wait_for_selector(".matrix")
    assert page.get_attribute("#checkpoint-0", "max") == "1"
    page.focus("#checkpoint-0")
    page.keyboard.press("Home")
    until(page, "location.hash.includes('checkpoint=10000')")
    until(page, "document.querySelector('.infobox').textContent.includes('10,000')")
    page.keyboard.press("End")
    until(page, "!location.hash.includes('checkpoint=')")
    until(page, "document.querySelector('.infobox').textContent.includes('20,000')")


def test_curves_of_two_runs_are_drawn_together(tab, url):
    page = tab(link(run="kuhn", beside="again"))
    page.click("text=Convergence and quality")
    page.wait_for_selector(".curves figure")
    wanted = [curve["name"] for curve in said(url, "/api/runs/kuhn/curves")["curves"]]
    assert wanted
    figures = page.locator(".curves figure")
    assert figures.count() == len(set(wanted))
    for figure in figures.all():
        assert figure.locator("svg[role=img] polyline").count() == 2
        runs = [text.partition(":")[0] for text in figure.locator("li").all_text_contents()]
        assert runs == ["kuhn", "again"]
