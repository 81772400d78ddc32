"""Figures of runs: what is drawn is what the runs say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from viewed_games import train_kuhn, train_royal

import cfr_shm
from cfr_shm.errors import CfrShmError, UsageError
from cfr_shm.strategy.action_bars import action_bars
from cfr_shm.strategy.place_chart import chart_of
from cfr_shm.strategy.public import holdem_parts


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    path = tmp_path_factory.mktemp("drawn")
    return train_royal(path / "royal"), train_kuhn(path / "kuhn")


def test_a_range_is_drawn_in_one_line(runs):
    figure = cfr_shm.plot_range(runs[0])
    texts = [text.get_text() for text in figure.texts]
    assert texts[0] == "SB to act preflop"
    assert any("20,000 iterations" in text for text in texts)
    cells = {text.get_text() for text in figure.axes[0].texts}
    assert {"AA", "AKs", "TT", "JTo"} <= cells
    with cfr_shm.open_run(runs[0]) as run:
        later = cfr_shm.plot_range(run, "c x / x", "TcJdQh")
        assert run.iterations == 20_000  # it stays open
    assert later.texts[0].get_text() == "SB to act on the flop Tc Jd Qh, after c x / x"


@pytest.mark.parametrize(("line", "board"), [("", None), ("c x / x", "TcJdQh")])
def test_bars_add_up_what_single_hands_do(runs, line, board):
    with cfr_shm.open_run(runs[0]) as run:
        spot = run.spot(line, board)
        _, cards = holdem_parts(run.game)
        bars = {bar.name: bar for bar in action_bars(chart_of(spot, cards))}
        kinds = {"all hands": lambda one, two: True, "pairs": lambda one, two: one[0] == two[0],
                 "suited": lambda one, two: one[1] == two[1],
                 "offsuit": lambda one, two: one[0] != two[0] and one[1] != two[1]}  # fmt: skip
        sums = {name: np.zeros(len(spot.place.choices)) for name in kinds}
        here = dict.fromkeys(kinds, 0.0)
        for index, (one, two) in enumerate(spot.hands.cards.tolist()):
            names = cards.deck.text([one]), cards.deck.text([two])
            answer = run.hand("".join(names), line, board)
            weight = float(spot.hands.weight[index])
            for name, is_one in kinds.items():
                if is_one(*names):
                    here[name] += weight
                    sums[name] += weight * (answer.visits > 0.0) * np.array(answer.probability)
    for name, total in sums.items():
        assert bars[name].hands == pytest.approx(here[name])
        assert bars[name].shares == pytest.approx(tuple(total / total.sum()))
    figure = cfr_shm.plot_actions(runs[0], line, board)
    widths = [[bar.get_width() for bar in drawn] for drawn in figure.axes[0].containers]
    assert np.sum(widths, axis=0) == pytest.approx(np.ones(len(bars)))


def test_curves_have_the_points_and_intervals_of_the_records(runs, tmp_path):
    lines = (runs[1] / "metrics.jsonl").read_text().splitlines()
    known = [each for each in map(json.loads, lines) if each["kind"] == "evaluation"]
    with cfr_shm.open_run(runs[1]) as run:
        (line,) = cfr_shm.plot_curves(run).axes[0].lines
    assert line.get_label() == "kuhn"
    assert line.get_xdata().tolist() == [each["iterations"] for each in known]
    assert line.get_ydata() == pytest.approx([each["exploitability"] for each in known])
    bounded = tmp_path / "bounded"
    bounded.mkdir()
    (bounded / "config.yaml").write_text((runs[1] / "config.yaml").read_text())
    quality = {"kind": "quality", "method": "river", "unit": "mbb"}
    points = [
        {"iterations": 10 * n, "seconds": n, "value": 5.0 * n, "low": 4.0 * n, "high": 6.0 * n}
        for n in (1, 2)
    ]
    text = "".join(f"{json.dumps(quality | point)}\n" for point in points)
    (bounded / "metrics.jsonl").write_text(text)
    axes = cfr_shm.plot_curves(bounded, axis="seconds").axes[0]
    corners = {tuple(each) for each in axes.collections[0].get_paths()[0].vertices.tolist()}
    assert {(1.0, 4.0), (1.0, 6.0), (2.0, 8.0), (2.0, 12.0)} <= corners
    assert "mbb" in axes.get_ylabel()


def test_what_cannot_be_drawn_is_refused(runs, monkeypatch):
    with pytest.raises(UsageError, match="expected iterations, nodes, seconds"):
        cfr_shm.plot_curves(runs[1], axis="hours")
    with pytest.raises(UsageError, match="name at least one run"):
        cfr_shm.plot_curves()
    with pytest.raises(CfrShmError, match="kuhn"):
        cfr_shm.plot_range(runs[1])
    with pytest.raises(CfrShmError, match="there is nothing to call"):
        cfr_shm.plot_actions(runs[0], "c c c")
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    for draw in (cfr_shm.plot_range, cfr_shm.plot_actions, cfr_shm.plot_curves):
        with pytest.raises(UsageError, match=r"pip install 'cfr-shm\[plots\]'"):
            draw(runs[0] if draw is not cfr_shm.plot_curves else runs[1])
