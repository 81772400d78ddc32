"""Best responses hand by hand, against values worked out by hand and deal by deal."""

import numpy as np
import pytest
from spot_cases import small_turn, toy_spot

from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.spots.iteration_weights import spot_algorithm
from cfr_shm.spots.locks import locked
from cfr_shm.spots.solver import SolverSettings, SpotSolver
from cfr_shm.spots.spot_results import hand_rows, node_report, root_summary


def test_against_equal_frequencies_by_hand():
    """Before the first iteration every action is as likely as any other; pot and stack are 100.

    Aces: all-in gets (100 + 200) / 2, a check (100 + 200) / 2, all-in called. Queens: all-in
    gets (100 - 100) / 2, a check nothing, if they fold to all-in.
    """
    with SpotSolver(toy_spot(100.0)) as solver:
        report = node_report(solver)
        aces = (report.hands // 4 == 12).all(axis=1)
        assert report.ev[aces] == pytest.approx(125.0, abs=1e-3)
        assert report.best_ev[aces] == pytest.approx(150.0, abs=1e-3)
        assert report.ev[~aces] == pytest.approx(-12.5, abs=1e-3)
        assert report.best_ev[~aces] == pytest.approx(0.0, abs=1e-3)
        rows = {row["hand"][::2]: row for row in hand_rows(report, solver.game.hands.deck.text)}
        assert rows["AA"]["gain"] == pytest.approx(25.0, abs=1e-3)
        assert rows["QQ"]["gain"] == pytest.approx(12.5, abs=1e-3)
        found = root_summary(solver)["best_response"]
        assert found["ev"][0] == pytest.approx(75.0, abs=1e-3)
        assert found["gain"][0] == pytest.approx(18.75, abs=1e-3)


@pytest.mark.parametrize("rake", [(0.0, 0.0), (0.05, 6.0)], ids=["chips", "raked"])
def test_hands_add_up_to_what_the_whole_gains(rake):
    with SpotSolver(small_turn(rake), SolverSettings(spot_algorithm("dcfr"))) as solver:
        solver.iterate(3 if JIT_DISABLED else 20)
        responses, quality = solver.responses(), solver.quality()
        assert sum(responses.gains) / 2 == pytest.approx(quality.exploitability, abs=1e-3)
        report = node_report(solver)
        assert report.mean(report.best_ev) == pytest.approx(responses.best[0], abs=1e-3)
        assert report.mean(report.ev) == pytest.approx(responses.values[0], abs=1e-3)
        known = np.isfinite(report.gain)
        assert (report.gain[known] > -1e-3).all()
        later = node_report(solver, report.actions[0].code)
        assert (later.gain[np.isfinite(later.gain)] > -1e-3).all()


def test_who_is_held_to_a_strategy_gains_nothing_by_knowing_better():
    game = locked(toy_spot(100.0), [{"line": "", "ranges": {"x": "QQ"}}], "test")
    with SpotSolver(game) as solver:
        solver.iterate(1)
        report = node_report(solver)
        queens = (report.hands // 4 == 10).all(axis=1)
        assert report.frequency[0][queens] == pytest.approx(1.0, abs=1e-6)
