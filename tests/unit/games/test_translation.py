"""The pseudo-harmonic mapping against the figures and the axioms of its paper."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfr_shm.errors import GameError
from cfr_shm.games.holdem.translation import smaller_probability, translate

SIZES = st.floats(0.0, 50.0)


@st.composite
def neighbours(draw):
    """Return A < B and a size between them."""
    low = draw(SIZES)
    high = low + draw(st.floats(0.01, 50.0))
    return low, high, low + draw(st.floats(0.0, 1.0)) * (high - low)


@pytest.mark.parametrize(
    ("smaller", "published"), [(0, 0.6), (0.001, 0.601), (0.01, 0.612), (0.05, 0.663), (0.1, 0.733)]
)
def test_table_1_of_ganzfried_and_sandholm_2013(smaller, published):
    assert smaller_probability(smaller, 1.0, 0.25) == pytest.approx(published, abs=5e-4)


def test_medians_of_ganzfried_and_sandholm_2013():
    # Figure 1: A = 0.01, B = 1, around 0.34 pot; section 6: (A + B + 2AB) / (A + B + 2).
    assert smaller_probability(0.01, 1.0, 0.342) == pytest.approx(0.5, abs=1e-3)
    for low, high in ((0.0, 1.0), (0.01, 1.0), (1.0, 4.0), (1.0, 100.0)):
        median = (low + high + 2 * low * high) / (low + high + 2)
        assert smaller_probability(low, high, median) == pytest.approx(0.5)
        assert translate([low, high], 0.999 * median).chosen == 0
        assert translate([low, high], 1.001 * median).chosen == 1


@given(neighbours())
def test_it_calls_a_bet_of_x_with_probability_1_over_1_plus_x(sizes):
    # The equation that defines the mapping, section 6.
    low, high, size = sizes
    share = smaller_probability(low, high, size)
    assert share / (1 + low) + (1 - share) / (1 + high) == pytest.approx(1 / (1 + size))


@given(neighbours(), st.floats(0.0, 1.0))
def test_boundaries_and_monotony(sizes, further):
    low, high, size = sizes
    assert smaller_probability(low, high, low) == 1.0
    assert smaller_probability(low, high, high) == 0.0
    larger = size + further * (high - size)
    if larger <= high:
        assert smaller_probability(low, high, larger) <= smaller_probability(low, high, size)


@given(neighbours(), st.integers(1, 10_000))
def test_only_sizes_in_pots_matter(sizes, pot):
    # Scale invariance: chips are divided by the pot before anything else.
    low, high, size = sizes
    scaled = [each * pot / pot for each in (low, high, size)]
    found = smaller_probability(*scaled) if scaled[0] <= scaled[2] <= scaled[1] else None
    assert found is None or found == pytest.approx(smaller_probability(low, high, size), abs=1e-6)


@given(neighbours(), st.floats(0.0, 0.999))
def test_a_draw_decides_by_the_probability(sizes, draw):
    low, high, size = sizes
    found = translate([low, high], size, draw)
    if found.smaller == found.larger:
        assert size in (low, high)
    else:
        assert found.chosen == (0 if draw < found.smaller_probability else 1)
        assert found.smaller_probability + found.larger_probability == 1.0


def test_sizes_of_the_tree_and_beyond_it_have_one_neighbour():
    sizes = [0.0, 0.5, 1.0]
    for size, index in ((0.5, 1), (1.0, 2), (7.0, 2), (0.0, 0)):
        found = translate(sizes, size)
        assert (found.smaller, found.larger, found.chosen) == (index, index, index)
        assert found.chosen_probability == 1.0
    assert translate(sizes[1:], 0.2).chosen == 0
    between = translate(sizes, 0.6)
    assert (between.smaller, between.larger) == (1, 2)
    assert between.chosen_probability == between.smaller_probability > 0.5


@pytest.mark.parametrize("sizes", [[], [1.0, 0.5], [0.5, 0.5]])
def test_sizes_that_do_not_ascend_are_refused(sizes):
    with pytest.raises(GameError, match="cannot map"):
        translate(sizes, 0.75)


@pytest.mark.parametrize("sizes", [(0.5, 1.0, 0.4), (0.5, 1.0, 1.1), (1.0, 1.0, 1.0)])
def test_a_size_outside_its_neighbours_is_refused(sizes):
    with pytest.raises(GameError, match="ascending order"):
        smaller_probability(*sizes)
