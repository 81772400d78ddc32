"""What several machines would do, reckoned: the paper table, and bad input."""

import json

import pytest

from cfr_shm.bench.ranks_on_paper import (
    LOCAL_GB_PER_SECOND,
    Machines,
    gb_per_second_of_line,
    plan,
)
from cfr_shm.cli import main as cli


def machines(**changes):
    fields = {"rate": 1e7, "gb_per_second": 2.5, "table_bytes": 2.5e9, "compact": False}
    return Machines(**(fields | {"hours": 8.0} | changes))


def test_one_machine_exchanges_nothing():
    alone = plan(machines(), 1)
    assert (alone.exchanges, alone.sent_bytes, alone.training_share) == (0, 0.0, 1.0)
    assert alone.iterations == 8 * 3600 * 1e7


def test_an_exchange_takes_what_line_and_rows_take():
    eight = plan(machines(), 8)
    regrets = 2.5 / 3
    assert eight.exchange_seconds == pytest.approx(
        regrets * 2 * 7 / 8 / 2.5 + regrets / LOCAL_GB_PER_SECOND
    )
    assert eight.training_share > 0.95
    assert eight.enough
    assert eight.memory_bytes == 2.5e9 + (48 << 20)


def test_a_slow_line_is_used_rarely_and_never_beyond_its_share():
    slow = plan(machines(gb_per_second=gb_per_second_of_line(1.0)), 8)
    fast = plan(machines(gb_per_second=gb_per_second_of_line(100.0)), 8)
    assert slow.exchanges < fast.exchanges
    assert slow.training_share > 0.95 * 0.99
    assert slow.last_interval_seconds >= 20 * slow.exchange_seconds * 0.99


def test_compact_tables_send_a_half_of_themselves():
    wide, compact = plan(machines(), 2), plan(machines(compact=True), 2)
    assert compact.exchange_seconds == pytest.approx(1.5 * wide.exchange_seconds)


def test_damped_gains_are_exchanged_oftener_and_need_the_last_regrets():
    mean, damped = (
        plan(machines(table_bytes=2.5e8), 8),
        plan(machines(table_bytes=2.5e8, damped=True), 8),
    )
    assert damped.exchanges > 2 * mean.exchanges
    assert damped.training_share > 0.95 * 0.99
    assert damped.memory_bytes - mean.memory_bytes == pytest.approx(2.5e8 / 3, rel=1e-6)
    alone = plan(machines(damped=True), 1)
    assert alone == plan(machines(), 1)


def test_the_command_prints_a_table_and_a_document(capsys):
    line = ["bench", "ranks", "--rate", "1e7", "--table", "2.5e9", "--ranks", "1,8"]
    assert cli.main(line) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split()[:2] == ["ranks", "exchange"]
    assert cli.main([*line, "--json", "--exchange-rate", "0.5"]) == 0
    found = json.loads(capsys.readouterr().out)["plans"]
    assert [each["ranks"] for each in found] == [1, 8]
    assert cli.main([*line, "--json", "--damped"]) == 0
    damped = json.loads(capsys.readouterr().out)["plans"]
    assert damped[0]["memory_bytes"] == found[0]["memory_bytes"]
    assert damped[1]["memory_bytes"] > found[1]["memory_bytes"]


@pytest.mark.parametrize(
    ("further", "expected"),
    [
        (["--table", "1e9"], "--rate is missing"),
        (["--rate", "fast", "--table", "1e9"], "--rate 'fast': is no number"),
        (["--rate", "1e6", "--table", "-5"], "--table is -5"),
        (["--rate", "1e6", "--table", "nan"], "--table is nan"),
        (["--rate", "1e6", "--table", "1e9", "--ranks", "2,2"], "a number is given twice"),
    ],
)
def test_wrong_figures_are_named(capsys, further, expected):
    assert cli.main(["bench", "ranks", *further]) == 2
    assert expected in capsys.readouterr().err
