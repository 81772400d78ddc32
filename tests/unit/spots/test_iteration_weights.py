"""Weights of iterations against sums that are kept whole, and what a configuration records."""

from dataclasses import replace
from itertools import islice

import pytest

from cfr_shm.config.identity import spot_fingerprint
from cfr_shm.config.sections import Config
from cfr_shm.config.spot import SpotConfig
from cfr_shm.errors import ConfigError, UsageError
from cfr_shm.spots.iteration_weights import ALPHAS, GAMMAS, Alpha, spot_algorithm
from cfr_shm.spots.settled import algorithm_of, recorded

SPOT = SpotConfig(
    board="2c2d2h3s3d", pot=100.0, stack=100.0, oop="AA,QQ", ip="KK", bets="a", raises="a"
)
#: Of that spot in runs that were made before alpha was recorded.
BEFORE = "f847f4064208a0c9df386eb5a382c7fc070cd6a1581291fb4b390df927859018"


@pytest.mark.parametrize("every", [None, 1, 2, 3])
@pytest.mark.parametrize("name", ["dcfr", "cfr_plus", "pcfr_plus", "pdcfr_plus"])
def test_shares_make_iterations_weigh_as_powers(name, every):
    algorithm = spot_algorithm(name, every=every)
    step = every or (2 if name == "dcfr" else 1)
    weigh = [0.0] * 200
    for place, weights in enumerate(islice(algorithm.weights(), 200)):
        weigh = [each * (1.0 - weights.share) for each in weigh]
        weigh[place] += weights.share
    powers = [t ** GAMMAS[name] * (t == 1 or t % step == 0) for t in range(1, 201)]
    assert weigh == pytest.approx([each / sum(powers) for each in powers], rel=1e-9)


@pytest.mark.parametrize("alpha", [Alpha(1.5, 1.5, 0), Alpha(1.3, 1.7, 150), Alpha(2.0, 1.0, 7)])
def test_positive_regrets_keep_what_the_power_of_the_iteration_says(alpha):
    found = list(islice(spot_algorithm("dcfr", alpha=alpha).weights(), 400))
    for past in (0, 1, 5, 7, 8, 75, 149, 150, 151, 399):
        part = min(past / alpha.iterations, 1.0) if alpha.iterations else 1.0
        power = past ** (alpha.first * (1 - part) + alpha.last * part)
        assert found[past].positive == pytest.approx(power / (power + 1), rel=1e-12)
        assert found[past].negative == 0.5
        assert found[past].predict == 0.0


def test_each_algorithm_keeps_its_own_alpha():
    assert ALPHAS["dcfr"] == (Alpha(1.5, 1.5, 0), Alpha(1.3, 1.7, 150), Alpha(1.3, 1.7, 150))
    for street in range(3):
        assert spot_algorithm("dcfr", first_street=street).alpha == ALPHAS["dcfr"][street]
    for name, power in (("dcfr_resets", 1.5), ("pdcfr_plus", 2.3)):
        kept = [each.positive for each in islice(spot_algorithm(name).weights(), 50)]
        assert kept == [t**power / (t**power + 1) for t in range(50)]
    with pytest.raises(UsageError, match="cfr_plus has no alpha: leave it out, or take dcfr"):
        spot_algorithm("cfr_plus", alpha=Alpha(1.5, 1.5, 0))


def test_a_new_run_records_its_alpha_and_an_old_one_goes_on_as_it_began():
    new, old = recorded(SPOT, resuming=False), recorded(SPOT, resuming=True)
    assert new.alpha == (1.3, 1.7, 150.0)
    assert algorithm_of(new) == algorithm_of(SPOT) == spot_algorithm("dcfr", first_street=2)
    assert algorithm_of(old).alpha == Alpha(1.5, 1.5, 0)
    assert (algorithm_of(old).every, algorithm_of(new).every) == (1, 2)
    halves = replace(SPOT, alpha=1.5)
    assert recorded(halves, resuming=True) == old
    assert recorded(halves, resuming=False).average_every == 2
    marks = [spot_fingerprint(Config(spot=each)) for each in (SPOT, old, new)]
    assert marks[:2] == [BEFORE, BEFORE]
    assert marks[2] != BEFORE
    for each in (new, old):
        assert recorded(each, resuming=True) == each
    flop = replace(SPOT, board="2c2d2h")
    assert recorded(flop, resuming=False).alpha == 1.5
    marks = [spot_fingerprint(Config(spot=recorded(flop, resuming=each))) for each in (True, False)]
    assert marks[0] == spot_fingerprint(Config(spot=flop)) != marks[1]
    assert algorithm_of(flop) == spot_algorithm("dcfr")
    for name in ("cfr_plus", "dcfr_resets", "pdcfr_plus"):
        other = replace(SPOT, algorithm=name)
        assert recorded(other, resuming=False) == recorded(other, resuming=True) == other
    # 1.5 is nothing new for dcfr alone.
    predicting = replace(SPOT, algorithm="pdcfr_plus")
    marks = [
        spot_fingerprint(Config(spot=each)) for each in (predicting, replace(predicting, alpha=1.5))
    ]
    assert marks[0] != marks[1]


@pytest.mark.parametrize("alpha", [21.0, (1.0, 30.0, 5.0), (1.0, 2.0, 5.5)])
def test_an_alpha_that_is_none_is_refused(alpha):
    with pytest.raises(ConfigError, match=r"spot\.alpha must be a power up to 20, or two and the"):
        replace(SPOT, alpha=alpha).check()
