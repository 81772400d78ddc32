"""Abstractions of twenty cards: built, written, opened, looked up, and refused when damaged."""

import json
import os
import sys
from functools import cache

import numpy as np
import pytest
from first_cases import first_cases

from cfr_shm.cards import bucket_file
from cfr_shm.cards import buckets as buckets_module
from cfr_shm.cards.abstraction import FAMILIES, BucketSpec, methods_from
from cfr_shm.cards.bucket_builder import build, quantile_table
from cfr_shm.cards.buckets import (
    build_file,
    cached_path,
    default_buckets,
    open_buckets,
    write_buckets,
)
from cfr_shm.cards.deck import ROYAL, SHORT, STANDARD
from cfr_shm.cards.equity import FLOP, RIVER, TURN
from cfr_shm.cards.isomorphism import BOARD_CARDS, card_index, representative
from cfr_shm.cards.parallel import Progress
from cfr_shm.errors import ArrayStoreError, UsageError
from cfr_shm.kernels.jit import JIT_DISABLED

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="takes minutes when interpreted")

MIXED = methods_from("preflop=emd,flop=ochs,turn=percentile,river=emd")


def spec_of(methods, counts=(10, 12, 14, 16), **more):
    return BucketSpec("royal", methods, counts, **more)


@cache
def built(methods, workers=2, **more):
    return build(spec_of(methods, **more), workers=workers)


ALL = {**FAMILIES, "mixed": MIXED, "vectors": methods_from("flop=ochs,turn=ochs,river=ochs")}
del ALL["lossless"]
#: What is mixed takes every method once; the others are built when there is time.
METHODS = [(MIXED,), *((methods,) for methods in ALL.values() if methods is not MIXED)]
each_method = pytest.mark.parametrize("methods", first_cases(METHODS))


@each_method
def test_every_hand_has_a_bucket_and_buckets_ascend_in_strength(methods):
    index = card_index(ROYAL)
    for street, held in enumerate(built(methods).streets):
        assert len(held.bucket) == index.hand_count[street]
        assert held.bucket.dtype == np.uint8
        used = np.unique(held.bucket)
        assert np.array_equal(used, np.arange(len(held.weight)))
        assert len(used) <= spec_of(methods).counts[street]
        assert list(held.mean) == sorted(held.mean)
        assert (
            held.weight.sum()
            == (190, 155_040, 581_400, 20 * 19 * 18 * 17 * 16 * 105 // 120)[street]
        )


@each_method
def test_samples_lie_in_their_buckets_and_differ(methods):
    for held in built(methods).streets:
        for bucket, sample in enumerate(held.sample):
            hands = sample[sample >= 0]
            assert len(hands) >= 1
            assert len(set(hands.tolist())) == len(hands)
            assert (held.bucket[hands] == bucket).all()


@each_method
def test_the_number_of_threads_changes_nothing(methods):
    one, three = built(methods, workers=1), built(methods, workers=3)
    for street in range(4):
        for field in ("bucket", "weight", "mean", "spread", "sample"):
            ours, theirs = (getattr(x.streets[street], field) for x in (one, three))
            assert np.array_equal(ours, theirs), field


def test_the_seed_changes_clusters():
    flops = [built(FAMILIES["emd"], seed=seed).streets[FLOP].bucket for seed in (0, 1)]
    assert not np.array_equal(*flops)


def test_percentile_buckets_weigh_about_the_same():
    held = built(FAMILIES["percentile"]).streets[TURN]
    share = held.weight / held.weight.sum()
    assert share.max() < 1.5 / len(share)


def test_preflop_is_lossless_where_the_buckets_suffice():
    many = build(spec_of(FAMILIES["percentile"], (25, 2, 2, 2))).streets[0]
    assert len(many.weight) == 25
    assert (many.spread == 0).all()


def test_sixteen_bits_where_eight_do_not_suffice():
    held = build(spec_of(FAMILIES["percentile"], (5, 2, 300, 2))).streets[TURN]
    assert held.bucket.dtype == np.uint16
    assert 256 < len(held.weight) <= 300


def test_one_bucket_is_enough():
    for held in build(spec_of(FAMILIES["emd"], (1, 1, 1, 1))).streets[1:]:
        assert len(held.weight) == 1
        assert held.mean[0] == pytest.approx(0.5, abs=1e-4)


def test_quantiles_share_out_weight_and_keep_ties_together():
    assert quantile_table(np.array([1, 1, 1, 1]), 2).tolist() == [0, 0, 1, 1]
    assert quantile_table(np.array([1, 8, 1]), 10).tolist() == [0, 1, 2]
    assert quantile_table(np.array([0, 5, 0, 5, 0]), 2)[[1, 3]].tolist() == [0, 1]


# --- the file ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("buckets") / "royal"
    write_buckets(path, built(FAMILIES["ochs"]))
    return path


def copy_of(stored, tmp_path):
    path = tmp_path / "copy"
    path.mkdir()
    for file in stored.iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    return path


def test_what_is_written_is_what_is_opened(stored):
    opened = open_buckets(stored, deck=ROYAL)
    for street, held in enumerate(built(FAMILIES["ochs"]).streets):
        assert np.array_equal(opened.bucket[street], held.bucket)
        assert not opened.bucket[street].flags.writeable
        assert np.array_equal(opened.statistics[street]["sample"], held.sample)
    assert opened.about["spec"]["methods"] == list(FAMILIES["ochs"])
    assert opened.about["deck"] == "royal"
    assert opened.counts == tuple(len(s.weight) for s in built(FAMILIES["ochs"]).streets)


def test_buckets_that_nobody_shares_are_the_same_and_nobody_can_write_to_them(stored, monkeypatch):
    shared = open_buckets(stored)
    monkeypatch.setattr(bucket_file, "_kept", {})
    monkeypatch.setattr(bucket_file, "_unshared", False)
    bucket_file.share_nothing()
    alone = open_buckets(stored)
    for one, two in zip(alone.bucket, shared.bucket, strict=True):
        assert one.dtype == two.dtype
        assert not one.flags.writeable
        np.testing.assert_array_equal(one, two)
    assert bucket_file.shared_name(alone.file) == ""


def test_fingerprints_tell_buckets_apart(stored, tmp_path):
    again, other = tmp_path / "again", tmp_path / "other"
    write_buckets(again, built(FAMILIES["ochs"], workers=1))
    write_buckets(other, built(FAMILIES["percentile"]))
    prints = [open_buckets(path).fingerprint for path in (stored, again, other)]
    assert prints[0] == prints[1] != prints[2]
    assert len(prints[0]) == 64


def test_lookups_ignore_suits_and_agree_with_one_another(stored):
    opened = open_buckets(stored)
    hole, board = ROYAL.parse("AhKh"), ROYAL.parse("QhJdTc")
    found = opened.lookup(hole, board)
    assert found == opened.lookup(ROYAL.parse("KcAc"), ROYAL.parse("TsQcJh"))
    for street in range(4):
        cards = np.array([np.random.default_rng(s).permutation(20) for s in range(50)], np.uint8)
        cards = np.ascontiguousarray(cards[:, : 2 + BOARD_CARDS[street]])
        every = opened.lookup_all(street, cards)
        for row, bucket in zip(cards.tolist(), every.tolist(), strict=True):
            assert opened.lookup(row[:2], row[2:]) == bucket


def test_the_file_tells_the_bucket_of_hands_that_cannot_lose(stored, tmp_path):
    opened = open_buckets(stored)
    assert opened.unbeaten == built(FAMILIES["ochs"]).streets[RIVER].unbeaten
    for hole, board in (("AhKh", "QhJhThTcTd"), ("AdKc", "QhJdTsQcJc")):
        bucket = opened.lookup(ROYAL.parse(hole), ROYAL.parse(board))
        assert (bucket == opened.unbeaten) == (hole == "AhKh")
    write_buckets(tmp_path / "other", built(FAMILIES["percentile"]))
    assert open_buckets(tmp_path / "other").unbeaten is None


def test_another_deck_is_refused_and_both_are_named(stored):
    with pytest.raises(ArrayStoreError, match=r"built for the royal deck, .* the standard deck"):
        open_buckets(stored, deck=STANDARD)


def test_truncated_and_edited_files_are_refused(stored, tmp_path):
    path = copy_of(stored, tmp_path)
    flop = path / "flop.npy"
    content = flop.read_bytes()
    flop.write_bytes(content[:-1])
    with pytest.raises(ArrayStoreError, match=r"flop\.npy: truncated"):
        open_buckets(path)
    flop.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ArrayStoreError, match=r"flop\.npy"):
        open_buckets(path)
    flop.unlink()
    with pytest.raises(ArrayStoreError, match=r"flop\.npy"):
        open_buckets(path)


def test_an_edited_manifest_is_refused(stored, tmp_path):
    path = copy_of(stored, tmp_path)
    manifest = path / "manifest.json"
    document = json.loads(manifest.read_text())
    document["about"]["deck"] = "short"
    manifest.write_text(json.dumps(document))
    with pytest.raises(ArrayStoreError, match="manifest"):
        open_buckets(path)


def changed(tmp_path, change):
    """Write a file whose digests are right and whose content is not."""
    from dataclasses import replace

    abstraction = built(FAMILIES["ochs"])
    streets, about = list(abstraction.streets), dict(abstraction.about)
    change(streets, about)
    path = tmp_path / "changed"
    write_buckets(path, replace(abstraction, streets=tuple(streets), about=about))
    return path


def test_files_of_another_version_deck_or_size_are_refused(tmp_path):
    from dataclasses import replace

    def other_version(_, about):
        about["version"] = 99

    def unknown_deck(_, about):
        about["deck"] = "tarot"

    def short_deck(_, about):
        about["deck"] = "short"

    def too_high(streets, _):
        bucket = streets[2].bucket.copy()
        bucket[7] = 200
        streets[2] = replace(streets[2], bucket=bucket)

    def beyond_the_river(_, about):
        about["unbeaten"] = 16

    def no_number(_, about):
        about["unbeaten"] = True

    for number, (change, words) in enumerate(
        [
            (beyond_the_river, "unbeaten hands in bucket 16; the river has 0 to 15"),
            (no_number, "unbeaten hands in bucket True"),
            (other_version, "version 99, this program reads version"),
            (unknown_deck, "'tarot'; this program knows standard, short, royal"),
            (short_deck, r"array preflop is uint8\(25,\), expected uint8\(81,\)"),
            (too_high, "array turn: bucket 200, the file has 14"),
        ]
    ):
        directory = tmp_path / str(number)
        directory.mkdir()
        path = changed(directory, change)
        with pytest.raises(ArrayStoreError, match=words) as caught:
            open_buckets(path)
        assert caught.value.exit_code == 3
        assert "\n" not in str(caught.value)


def test_something_else_is_no_bucket_file(tmp_path):
    with pytest.raises(ArrayStoreError, match="no such directory"):
        open_buckets(tmp_path / "none")
    with pytest.raises(ArrayStoreError, match="empty"):
        open_buckets(tmp_path)


def test_an_existing_path_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(buckets_module, "build", lambda *a, **k: pytest.fail("was built"))
    with pytest.raises(UsageError, match="already exists"):
        build_file(spec_of(FAMILIES["emd"]), tmp_path)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        build_file(spec_of(FAMILIES["emd"]), file / "below")


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ArrayStoreError, match="No space left on device") as caught:
        write_buckets(tmp_path / "new", built(FAMILIES["percentile"]))
    monkeypatch.undo()
    assert caught.value.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_default_buckets_are_built_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(buckets_module, "cache_root", lambda: tmp_path)
    spec = spec_of(FAMILIES["percentile"])
    lines = []
    first = default_buckets(spec, progress=Progress(lines.append))
    assert lines
    assert first.path == cached_path(spec)
    monkeypatch.setattr(buckets_module, "build", lambda *a, **k: pytest.fail("built again"))
    assert default_buckets(spec).fingerprint == first.fingerprint


def test_a_build_that_lost_the_race_uses_the_winners_file(tmp_path, monkeypatch):
    monkeypatch.setattr(buckets_module, "cache_root", lambda: tmp_path)
    spec = spec_of(FAMILIES["percentile"])
    real = build

    def slow(*args, **more):
        result = real(*args, **more)
        write_buckets(cached_path(spec), result)  # the other process is faster
        return result

    monkeypatch.setattr(buckets_module, "build", slow)
    assert default_buckets(spec).counts == open_buckets(cached_path(spec)).counts


@pytest.mark.skipif(sys.platform == "win32", reason="owners and modes of POSIX")
def test_cached_buckets_that_others_could_have_changed_are_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(buckets_module, "cache_root", lambda: tmp_path / "cache")
    spec = spec_of(FAMILIES["percentile"])
    before = os.umask(0o002)
    try:
        path = default_buckets(spec).path
    finally:
        os.umask(before)
    assert default_buckets(spec).path == path
    for changed in (path, path.parent, path / "river.npy", tmp_path / "cache"):
        mode = changed.stat().st_mode
        changed.chmod(mode | 0o020)
        with pytest.raises(UsageError, match=f"not used: others may write to {changed}"):
            default_buckets(spec)
        changed.chmod(mode & ~0o022)
    assert default_buckets(spec).path == path


# --- specifications ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"counts": (169, 0, 1, 1)}, "0 buckets for the flop: expected 1 to 65535"),
        ({"counts": (169, 1, 65_536, 1)}, "65536 buckets for the turn"),
        (
            {"methods": ("lossless", "emd", "potential", "emd")},
            "no method 'potential' for the turn",
        ),
        ({"deck": "tarot"}, "unknown deck 'tarot'"),
        ({"seed": -1}, "seed -1"),
        ({"restarts": 0}, "0 restarts"),
    ],
)
def test_specifications_out_of_range_are_refused(change, words):
    with pytest.raises(UsageError, match=words):
        BucketSpec(**change)


def test_methods_are_families_or_streets():
    assert methods_from("percentile") == FAMILIES["percentile"]
    assert methods_from("flop=potential, river=emd") == ("emd", "potential", "emd", "emd")
    for text in ("kmeans", "flop=kmeans", "middle=emd", ""):
        with pytest.raises(UsageError, match="expected one of"):
            methods_from(text)


def test_lossless_is_refused_where_it_does_not_fit():
    with pytest.raises(UsageError, match="river of the royal deck: 73550 hands, at most 65535"):
        build(spec_of(FAMILIES["lossless"]))
    for deck in (STANDARD, SHORT):
        with pytest.raises(UsageError, match=f"flop of the {deck.name} deck"):
            build(BucketSpec(deck.name, FAMILIES["lossless"]))


def test_lossless_streets_keep_every_hand_apart():
    methods = methods_from("flop=lossless,turn=lossless,river=percentile")
    streets = build(spec_of(methods, (25, 1, 1, 16))).streets
    for street in (0, FLOP, TURN):
        assert len(streets[street].weight) == card_index(ROYAL).hand_count[street]
        assert (streets[street].spread == 0).all()


def test_keys_follow_everything_in_the_specification():
    specs = [BucketSpec(), BucketSpec(seed=1), BucketSpec(deck="short"), BucketSpec(restarts=4)]
    assert len({spec.key() for spec in specs}) == 4


# --- quality -------------------------------------------------------------------------------


@cache
def short_flops(method):
    spec = BucketSpec("short", methods_from(f"flop={method},turn=emd,river=emd"), (81, 50, 20, 20))
    return build(spec).streets[FLOP]


def is_flush_draw(hole, board):
    suits = [card & 3 for card in (*hole, *board)]
    return any(
        suits.count(suit) == 4 and [card & 3 for card in hole].count(suit) == 2 for suit in range(4)
    )


def is_made_pair(hole, board):
    """One pair that uses a hole card, no four of a suit, no pair on the board."""
    ranks, suits = ([card >> 2 for card in (*hole, *board)], [card & 3 for card in (*hole, *board)])
    return (
        len(set(ranks)) == 4
        and len({c >> 2 for c in board}) == 3
        and max(map(suits.count, suits)) < 3
    )


def pairs_of_equal_strength():
    """Flush draws and made pairs of the short deck with the same E[HS^2] bucket."""
    from cfr_shm.cards.equity import flop_strengths, river_strengths, turn_strengths

    river = river_strengths(SHORT)
    flop = flop_strengths(SHORT, turn_strengths(SHORT, river, histograms=False))
    mean, percentile = flop.mean(), short_flops("percentile").bucket
    random = np.random.default_rng(0)
    draws, made = [], []
    for hand in random.choice(len(mean), 25_000, replace=False).tolist():
        deal = representative(SHORT, FLOP, hand)
        if is_flush_draw(*deal):
            draws.append(hand)
        elif is_made_pair(*deal):
            made.append(hand)
    return [
        (draw, pair)
        for draw in draws
        for pair in made
        if abs(mean[draw] - mean[pair]) < 0.002 and percentile[draw] == percentile[pair]
    ]


@pytest.mark.thorough
def test_emd_separates_draws_from_made_hands_where_percentile_cannot():
    pairs = pairs_of_equal_strength()
    assert len(pairs) > 50
    emd = short_flops("emd").bucket
    apart = np.mean([emd[draw] != emd[pair] for draw, pair in pairs])
    assert apart > 0.9


@pytest.mark.thorough
def test_emd_keeps_histograms_together_better_than_percentile():
    """The mean distance to the own bucket's median histogram."""
    from cfr_shm.cards.equity import flop_strengths, river_strengths, turn_strengths

    flop = flop_strengths(SHORT, turn_strengths(SHORT, river_strengths(SHORT)))
    cdf = flop.cdf.astype(np.int64)

    def distance(bucket):
        total = 0
        for number in np.unique(bucket):
            mine = cdf[bucket == number]
            total += np.abs(mine - np.median(mine, axis=0)).sum()
        return total

    assert distance(short_flops("emd").bucket) < 0.75 * distance(short_flops("percentile").bucket)
