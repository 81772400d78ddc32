"""Range charts: their numbers against the hands they are made of, and every way to draw."""

from __future__ import annotations

import itertools
import re
import struct
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.lines import ALL_IN, CALL, FOLD, RAISE
from cfr_shm.strategy.chart_colours import colour
from cfr_shm.strategy.chart_html import chart_html
from cfr_shm.strategy.chart_picture import DOTS_PER_INCH, WIDTH_INCHES, chart_png
from cfr_shm.strategy.chart_text import chart_lines, shares, uses_colour
from cfr_shm.strategy.range_chart import Hands, chart_actions, class_name, range_chart
from cfr_shm.telemetry import plots

RANKS = "23456789TJQKA"
ACTIONS = chart_actions(
    [
        ("f", "fold", FOLD),
        ("c", "call 200", CALL),
        ("r7.5bb", "raise to 1,500 (7.5bb)", RAISE),
        ("a", "all-in 20,000 (100bb)", ALL_IN),
    ]
)


def class_of(pair, ranks=RANKS):
    """Name a hand independently of the chart: by the text of its cards."""
    first, second = sorted((int(card) for card in pair), reverse=True)
    name = ranks[first // 4] + ranks[second // 4]
    return name if name[0] == name[1] else name + ("s" if first % 4 == second % 4 else "o")


def all_hands(ranks=RANKS, seed=7, classes_share_rows=True):
    """Return every hand with random numbers; those of a class alike if they share rows."""
    rng = np.random.default_rng(seed)
    cards = np.array(list(itertools.combinations(range(4 * len(ranks)), 2)), np.uint8)
    names = [class_of(pair, ranks) for pair in cards]
    group = np.unique(names, return_inverse=True)[1] if classes_share_rows else range(len(cards))
    row = 10 * np.asarray(group, np.int64)
    count = int(row.max()) // 10 + 1
    probability = rng.dirichlet(np.ones(len(ACTIONS)), count)
    visits = rng.uniform(1, 1000, count)
    return Hands(
        cards=cards,
        weight=rng.uniform(0, 1, len(cards)),
        row=row,
        visits=visits[row // 10],
        probability=probability[row // 10],
    )


def cells_of(chart):
    return {cell.name: cell for row in chart.cells for cell in row}


# --- numbers -----------------------------------------------------------------------------


def test_a_class_with_one_row_is_that_row():
    hands = all_hands()
    chart = range_chart(RANKS, ACTIONS, hands)
    cells = cells_of(chart)
    assert len(cells) == 169
    for index, pair in enumerate(hands.cards):
        cell = cells[class_of(pair)]
        assert cell.probability == pytest.approx(hands.probability[index], abs=1e-12)
        assert cell.visits == pytest.approx(hands.visits[index])
        assert cell.hands == (6 if len(cell.name) == 2 else 4 if cell.name[2] == "s" else 12)


def test_classes_and_totals_average_their_hands_by_weight():
    hands = all_hands(classes_share_rows=False)
    chart = range_chart(RANKS, ACTIONS, hands)
    for name, cell in cells_of(chart).items():
        mine = [i for i, pair in enumerate(hands.cards) if class_of(pair) == name]
        weight = sum(hands.weight[i] for i in mine)
        assert cell.weight == pytest.approx(weight / len(mine))
        assert cell.visits == pytest.approx(sum(hands.visits[i] for i in mine))
        for action in range(len(ACTIONS)):
            mean = sum(hands.weight[i] * hands.probability[i, action] for i in mine) / weight
            assert cell.probability[action] == pytest.approx(mean)
    total = hands.weight.sum()
    assert chart.hands_here == pytest.approx(total)
    assert chart.totals == pytest.approx((hands.weight @ hands.probability) / total)
    assert sum(chart.totals) == pytest.approx(1.0)


def test_suited_hands_lie_above_the_diagonal_and_the_best_in_the_corner():
    chart = range_chart(RANKS, ACTIONS, all_hands())
    names = [[cell.name for cell in row] for row in chart.cells]
    assert names[0][:3] == ["AA", "AKs", "AQs"]
    assert [row[0] for row in names[:3]] == ["AA", "AKo", "AQo"]
    assert names[12][12] == "22"
    for row, column in itertools.product(range(13), repeat=2):
        assert names[row][column] == class_name(RANKS[::-1], row, column)


def test_hands_never_visited_have_no_say():
    hands = all_hands(classes_share_rows=False)
    aces = [i for i, pair in enumerate(hands.cards) if class_of(pair) == "AA"]
    kings = [i for i, pair in enumerate(hands.cards) if class_of(pair) == "KK"]
    hands.visits[aces[1:]] = 0.0
    hands.visits[kings] = 0.0
    chart = range_chart(RANKS, ACTIONS, hands)
    cells = cells_of(chart)
    assert cells["AA"].probability == pytest.approx(hands.probability[aces[0]])
    expected = hands.weight[aces[0]] / hands.weight[aces].sum()
    assert cells["AA"].visited == pytest.approx(expected)
    assert (cells["KK"].probability, cells["KK"].visited) == (None, 0.0)
    lost = hands.weight[aces[1:]].sum() + hands.weight[kings].sum()
    assert chart.unvisited == pytest.approx(lost / hands.weight.sum())


def test_a_class_that_does_not_come_here_shows_what_it_would_do():
    hands = all_hands(classes_share_rows=False)
    mine = [i for i, pair in enumerate(hands.cards) if class_of(pair) == "72o"]
    hands.weight[mine] = 0.0
    cell = cells_of(range_chart(RANKS, ACTIONS, hands))["72o"]
    assert cell.weight == 0.0
    assert cell.probability == pytest.approx(hands.probability[mine].mean(axis=0))


def test_a_board_leaves_fewer_hands():
    hands = all_hands()
    keep = ~np.isin(hands.cards, [48, 49, 50, 44]).any(axis=1)  # three aces and a king
    chart = range_chart(RANKS, ACTIONS, Hands(*(array[keep] for array in hands)))
    cells = cells_of(chart)
    assert (cells["AA"].hands, cells["KK"].hands, cells["AKs"].hands) == (0, 3, 1)
    assert cells["AA"].probability is None
    assert chart.hands == 48 * 47 // 2


def test_small_decks_have_small_charts():
    chart = range_chart("QKA", ACTIONS, all_hands("QKA"))
    assert [[cell.name for cell in row] for row in chart.cells] == [
        ["AA", "AKs", "AQs"],
        ["AKo", "KK", "KQs"],
        ["AQo", "KQo", "QQ"],
    ]


def test_letters_tell_actions_apart():
    assert [action.letter for action in ACTIONS] == ["F", "C", "R", "A"]
    assert [action.shade for action in ACTIONS] == [0.0, 0.0, 0.0, 1.0]
    many = chart_actions([("x", "check", "check"), *((f"b{n}", f"bet {n}", RAISE) for n in "123")])
    assert [action.letter for action in many] == ["X", "1", "2", "3"]
    assert [action.text(0.574) for action in many] == ["X57", "1:57", "2:57", "3:57"]
    assert [action.shade for action in many] == [0.0, 0.0, 0.5, 1.0]
    assert len({colour(action) for action in many}) == 4


# --- text --------------------------------------------------------------------------------


@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=8), st.integers(1, 12))
def test_widths_are_as_the_shares(weights, width):
    probability = [weight / sum(weights) for weight in weights]
    given_ = shares(probability, width)
    assert sum(given_) == width
    assert all(
        abs(got - share * width) < 1.0 for got, share in zip(given_, probability, strict=True)
    )


# Of 45 hands that come here and were visited 14.8 fold, 18 call, 8.4 raise, 3.8 go all-in.
def tiny_chart():
    """Return a chart of three ranks whose picture is known by heart."""
    names = ["AA", "AKs", "AQs", "AKo", "KK", "KQs", "AQo", "KQo", "QQ"]
    plan = dict(zip(names, range(9), strict=True))
    probability = np.array(
        [
            [0.0, 0.0, 1.0, 0.0],
            [0.0, 0.6, 0.4, 0.0],
            [0.2, 0.4, 0.2, 0.2],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 1.0],
            [0.5, 0.5, 0.0, 0.0],
            [1.0, 0.0, 0.0, 0.0],
            [1.0, 0.0, 0.0, 0.0],
            [0.25, 0.25, 0.25, 0.25],
        ]
    )
    weight = np.array([1.0, 1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 0.0, 1.0])
    visits = np.array([9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 0.0])
    cards = np.array(list(itertools.combinations(range(12), 2)), np.uint8)
    row = np.array([plan[class_of(pair, "QKA")] for pair in cards])
    hands = Hands(cards, weight[row], row, visits[row], probability[row])
    return range_chart("QKA", ACTIONS, hands)


def test_the_tiny_chart_in_plain_text():
    assert chart_lines(tiny_chart(), colour=False, columns=20) == [
        "AA    AKs   AQs",
        "RRRRR CCCRR FCCRA",
        "AKo   KK  5 KQs",
        "CCCCC AAAAA FFFCC",
        "AQo   KQo   QQ",
        "FFFFF ..... ?????",
        "",
        " F   f       fold                     32.89%",
        " C   c       call 200                 40.00%",
        " R   r7.5bb  raise to 1,500 (7.5bb)   18.67%",
        " A   a       all-in 20,000 (100bb)     8.44%",
        "digit: tenths of the class that come here; . does not come here; "
        "? never visited in training",
    ]


def test_colour_adds_nothing_but_colour():
    plain = chart_lines(tiny_chart(), colour=False, columns=20)
    painted = chart_lines(tiny_chart(), colour=True, columns=20)
    assert "\x1b[" not in "".join(plain)
    stripped = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in painted]
    assert stripped == plain
    assert len(set(re.findall(r"48;5;(\d+)m", "".join(painted)))) == 5


@pytest.mark.parametrize(("columns", "width"), [(0, 77), (80, 77), (104, 103), (500, 129)])
def test_cells_are_as_wide_as_the_terminal_allows(columns, width):
    lines = chart_lines(range_chart(RANKS, ACTIONS, all_hands()), colour=False, columns=columns)
    assert max(len(line) for line in lines[:26]) == width


class Stream:
    def __init__(self, terminal):
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.mark.parametrize(
    ("terminal", "environment", "expected"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_when_colours_are_written(terminal, environment, expected):
    assert uses_colour(Stream(terminal), environment) is expected


# --- pages and pictures --------------------------------------------------------------------


class Page(HTMLParser):
    """Keeps what a page holds, and checks that its tags are closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.titles, self.open, self.attributes = [], {}, [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "td" and dict(attrs).get("title"):
            title = dict(attrs)["title"]
            self.titles[title.split("\n")[0].partition(":")[0]] = title
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_holds_every_cell_and_its_exact_numbers():
    hands = all_hands()
    chart = range_chart(RANKS, ACTIONS, hands)
    page = Page(chart_html(chart, "BB <b>& co", ["a note"]))
    assert len(page.titles) == 169
    cell = cells_of(chart)["AKs"]
    for action, share in zip(ACTIONS, cell.probability, strict=True):
        assert f"{action.name}: {share:.4%}" in page.titles["AKs"]
    assert f"visits: {cell.visits:,.1f}" in page.titles["AKs"]
    assert f"comes here: {cell.weight:.4%} of 4 hands" in page.titles["AKs"]


def test_the_page_needs_nothing_else():
    text = chart_html(tiny_chart(), 'a "title" <script>', ["<img src=x>"])
    page = Page(text)
    assert not {"script", "img", "link", "iframe", "object", "svg"} & set(page.tags)
    assert not {"src", "href", "onclick", "onload"} & set(page.attributes)
    assert not re.search(r"https?:|//|@import|url\(", text)
    assert "prefers-color-scheme: dark" in text
    assert "never visited in training" in page.titles["QQ"]


def size_of(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize("make", [tiny_chart, lambda: range_chart(RANKS, ACTIONS, all_hands())])
def test_the_picture_is_of_its_size_and_shows_the_actions_colours(make, tmp_path):
    from matplotlib.image import imread

    png = chart_png(make(), "BB against b2.5bb", ["one note", "another"])
    width, height = size_of(png)
    assert width == WIDTH_INCHES * DOTS_PER_INCH
    assert width < height < 1.3 * width
    path = tmp_path / "chart.png"
    path.write_bytes(png)
    found = {tuple(pixel) for pixel in (255 * imread(path)[::3, ::3, :3]).round().reshape(-1, 3)}
    for action in ACTIONS:
        wanted = tuple(float(int(colour(action)[i : i + 2], 16)) for i in (1, 3, 5))
        assert wanted in found, action.name


def test_long_notes_make_the_picture_higher_not_wider():
    short, long = (size_of(chart_png(tiny_chart(), "", [text])) for text in ("a", "a word " * 60))
    assert short[0] == long[0]
    assert short[1] < long[1]


def test_a_picture_without_matplotlib_is_refused(monkeypatch):
    monkeypatch.setattr(plots.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="cfr-shm\\[plots\\]"):
        chart_png(tiny_chart(), "", [])
