"""Deal models: merging, alias tables, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfr_shm.errors import GameError
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.trees.deals import alias_table, no_deals, table_deals, uniform_deals
from cfr_shm.layout.deals import DEALS_TABLE, DEALS_UNIFORM


def alias_probability(threshold, other):
    """What drawing by the alias method gives each deal, by definition."""
    count = len(threshold)
    probability = np.zeros(count)
    for cell in range(count):
        probability[cell] += threshold[cell] / count
        probability[other[cell]] += (1.0 - threshold[cell]) / count
    return probability


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=50))
def test_alias_table_draws_each_deal_with_its_probability(weights):
    probability = np.array(weights) / sum(weights)
    threshold, other = alias_table(probability)
    assert np.all((threshold >= 0.0) & (threshold <= 1.0))
    assert np.all((other >= 0) & (other < len(weights)))
    np.testing.assert_allclose(alias_probability(threshold, other), probability, atol=1e-12)


def test_deals_that_nobody_can_tell_apart_are_merged_in_order_of_appearance():
    bucket = [[[0], [1]], [[1], [0]], [[0], [1]], [[0], [1]]]
    strength = [[0, 1], [1, 0], [0, 1], [5, 5]]
    deals = table_deals([1, 2, 3, 4], bucket, strength)
    assert deals.kind == DEALS_TABLE
    np.testing.assert_allclose(deals.probability, [0.4, 0.2, 0.4])
    assert deals.bucket[:, :, 0].tolist() == [[0, 1], [1, 0], [0, 1]]
    assert deals.strength.tolist() == [[0, 1], [1, 0], [5, 5]]
    assert deals.bucket_count.tolist() == [[2], [2]]


def test_merged_leduc_has_24_deals_of_rank_multiplicity():
    deals = leduc().deals
    assert len(deals.probability) == 24
    # Three different ranks: 2 * 2 * 2 card deals of 120; two of one rank and another: 2 * 1 * 2.
    assert sorted(set(np.round(deals.probability * 120).astype(int).tolist())) == [4, 8]
    assert deals.probability.sum() == pytest.approx(1.0)


def test_uniform_deals_list_nothing():
    deals = uniform_deals([[3, 4], [5, 6]])
    assert deals.kind == DEALS_UNIFORM
    assert deals.bucket_count.tolist() == [[3, 4], [5, 6]]
    assert deals.bucket.shape == (1, 2, 2)


def test_no_deals_is_one_deal_of_bucket_0():
    deals = no_deals(3)
    assert deals.probability.tolist() == [1.0]
    assert deals.bucket_count.tolist() == [[1], [1], [1]]


def test_deal_arrays_are_read_only_and_contiguous():
    for deals in (leduc().deals, uniform_deals([[1]]), no_deals(2)):
        for array in (*deals[1:-1], *deals.cards):
            assert not array.flags.writeable
            assert array.flags.c_contiguous


@pytest.mark.parametrize(
    ("probability", "bucket", "strength", "message"),
    [
        ([], np.zeros((0, 2, 1)), np.zeros((0, 2)), "0 deals"),
        ([1.0, 0.0], np.zeros((2, 2, 1)), np.zeros((2, 2)), "probability above 0"),
        ([1.0, np.nan], np.zeros((2, 2, 1)), np.zeros((2, 2)), "finite probability"),
        ([1.0], np.zeros((2, 2, 1)), np.zeros((2, 2)), "2 rows of buckets for 1 deals"),
        ([1.0], np.zeros((1, 2)), np.zeros((1, 2)), "shapes"),
        ([1.0], [[[-1], [0]]], [[0, 0]], "bucket -1"),
    ],
)
def test_impossible_deals_are_refused(probability, bucket, strength, message):
    with pytest.raises(GameError, match=message):
        table_deals(probability, bucket, strength)


@pytest.mark.parametrize("count", [[3], [[0, 1]], [[2**31]]])
def test_impossible_bucket_counts_are_refused(count):
    with pytest.raises(GameError, match="bucket_count"):
        uniform_deals(count)
