"""Playing elsewhere: servers that enforce the rules agree on every hand; faults end in one line."""

from __future__ import annotations

import contextlib
import json
import socket
import threading

import numpy as np
import pytest
from remote_servers import Dealer, SlumbotServer

from cfr_shm.cli.main import main
from cfr_shm.errors import ProtocolError, UsageError
from cfr_shm.games.holdem.betting import Hand
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.play.acpc_client import Lines, connected, play_acpc
from cfr_shm.play.slumbot_client import Endpoint, play_slumbot
from cfr_shm.protocols.acpc import read_game
from cfr_shm.protocols.phh import documents, read_hand
from cfr_shm.protocols.played_hand import payoffs_of
from cfr_shm.protocols.slumbot import RULES
from cfr_shm.strategy.player import Decision

TWO = (2, (50, 100), 20_000, "nolimit")
THREE = (3, (5, 10), 400, "nolimit")
SIX = (6, (5, 10), 1_000, "nolimit")


class Wild:
    """A player of any rules: every legal kind of move, sizes by its cards."""

    name = "wild"

    def __init__(self, rules) -> None:
        self._rules = rules
        self.begin()

    def begin(self) -> None:
        self.hand = Hand(self._rules)

    def take(self, move: int) -> None:
        self.hand = self.hand.apply(move)

    def decide(self, hole, board) -> Decision:
        moves = [CALL, FOLD] if self.hand.may_fold else [CALL]
        if self.hand.raise_bounds is not None:
            least, most = self.hand.raise_bounds
            size = min(most, least + 7 * sum(hole) + len(board))
            moves += sorted({least, size, most})
        shares = np.array([6.0, *[1.0] * (len(moves) - 1)])
        return Decision(tuple(moves), tuple(shares / shares.sum()), None)


class Calls(Wild):
    """Checks or calls."""

    def decide(self, hole, board) -> Decision:
        return Decision((CALL,), (1.0,), None)


@pytest.fixture
def dealt():
    """A dealer, with the client's side of the connection."""
    dealers = []

    def begin(description, hands, seed=1, trouble=None) -> tuple[Dealer, Lines]:
        dealer = Dealer(description, hands, seed, trouble)
        lines = connected(dealer.address, silence=20.0)
        dealers.append((dealer, lines))
        return dealer, lines

    yield begin
    for dealer, lines in dealers:
        lines.close()
        dealer.join()


def play_dealer(dealt, description, hands: int, seed: int = 1) -> None:
    dealer, lines = dealt(description, hands, seed)
    game = read_game(dealer.game_text)
    found = list(play_acpc(Wild(game.rules), game, lines, seed=seed))
    lines.close()
    dealer.join()
    assert dealer.broken is None
    assert len(found) == hands
    assert [float(each.won) for each in found] == pytest.approx(dealer.won, abs=1e-9)


@pytest.mark.parametrize("description", [TWO, THREE, SIX], ids=["2", "3", "6"])
def test_acpcs_dealer_agrees_on_every_hand(dealt, description):
    play_dealer(dealt, description, 12 if description == TWO else 40)


@pytest.mark.slow
def test_acpcs_dealer_agrees_on_ten_thousand_hands(dealt):
    for seed, (description, hands) in enumerate(((TWO, 6_000), (THREE, 2_000), (SIX, 2_000))):
        play_dealer(dealt, description, hands, seed)


@pytest.fixture
def slumbot():
    servers = []

    def begin(seed=1, trouble=None) -> SlumbotServer:
        servers.append(SlumbotServer(seed, trouble))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


def play_server(server: SlumbotServer, hands: int) -> None:
    playing = play_slumbot(Wild(RULES), Endpoint(server.url), seed=2)
    found = [next(playing) for _ in range(hands)]
    assert server.broken is None
    assert [int(each.won) for each in found] == server.won
    assert [each.baseline for each in found] == server.baseline


def test_slumbots_server_agrees_on_every_hand(slumbot):
    play_server(slumbot(), 60)


@pytest.mark.slow
def test_slumbots_server_agrees_on_ten_thousand_hands(slumbot):
    play_server(slumbot(), 10_000)


def at(number: int, content):
    """A dealer's trouble at the line of a number."""

    def trouble(sent: int, line: str):
        if sent < number:
            return f"{line}\r\n".encode()
        return content if sent == number else b""

    return trouble


#: What the dealer sends as its fifth line, and what is said of it.
TROUBLE = (
    (None, "closed in the middle of hand"),
    (b"HELLO\r\n", "'HELLO' is no match state"),
    (b"MATCHSTATE:0:0:r1:2c2d|\r\n", "seat 0 may bet or raise to 200"),
    (b"MATCHSTATE:0:77::2c2d|\r\n", "hand 77 begins before hand 0 is over"),
    (b"MATCHSTATE:0:0", "silent for too long"),
    (b"x" * 5_000, "a line longer than"),
    (b"\xff\x00\r\n", "is no match state"),
)


@pytest.mark.parametrize(("content", "said"), TROUBLE, ids=range(len(TROUBLE)))
def test_a_dealer_that_breaks_the_protocol_ends_it(dealt, content, said):
    dealer, lines = dealt(TWO, 20, trouble=at(4, content))
    lines._silence = 0.3 if said == "silent for too long" else 20.0
    game = read_game(dealer.game_text)
    with pytest.raises(ProtocolError) as error:
        list(play_acpc(Calls(game.rules), game, lines, seed=1))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


ANSWERS = (
    (500, b"oops", "status 500"),
    (200, b"oops", "no JSON"),
    (200, b"[]", "no JSON object"),
    (200, b'{"error_msg": "try later"}', "the server says: try later"),
    (200, b"[" * 100_000, "no JSON"),
    (200, b"1" * (1 << 21), "an answer of more than"),
    (302, b"", "status 302"),
)


@pytest.mark.parametrize(("status", "body", "said"), ANSWERS, ids=range(len(ANSWERS)))
def test_a_server_that_breaks_the_protocol_ends_it(slumbot, status, body, said):
    def trouble(number, document):
        return (status, body) if number == 3 else (200, json.dumps(document).encode())

    with pytest.raises(ProtocolError) as error:
        for _ in play_slumbot(Wild(RULES), Endpoint(slumbot(trouble=trouble).url), seed=2):
            pass
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@contextlib.contextmanager
def dripping(first: bytes):
    """Listen; say ``first`` to whoever comes, and then a byte every now and then, without end."""
    over = threading.Event()

    def serve():
        with contextlib.suppress(OSError), listener.accept()[0] as connection:
            connection.sendall(first)
            while not over.wait(0.05):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def test_a_dealer_that_never_ends_a_line_is_left():
    with dripping(b"MATCHSTATE") as address:
        lines = connected(address, silence=0.4)
        with pytest.raises(ProtocolError, match="silent for too long"):
            lines.read()
        lines.close()


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{",
        b"HTTP/1.0 200 OK\r\n\r\n{",
    ],
)
def test_a_server_that_never_ends_an_answer_is_left(first):
    said = r"no whole answer within 0\.4 s"
    with dripping(first) as address, pytest.raises(ProtocolError, match=said):
        Endpoint(f"http://{address}", seconds=0.4).post("/api/act", {})


def test_a_server_that_forgets_what_was_done_ends_it(slumbot):
    def trouble(number, document):
        changed = document | {"hole_cards": ["2c", "3d"]} if number == 2 else document
        return 200, json.dumps(changed).encode()

    with pytest.raises(ProtocolError, match="does not follow what was done"):
        for _ in play_slumbot(Calls(RULES), Endpoint(slumbot(4, trouble).url), seed=2):
            pass


@pytest.mark.parametrize("address", ["", "host", ":7", "host:", "host:0", "host:x", "h:70000"])
def test_addresses_that_are_none_are_refused(address):
    with pytest.raises(UsageError, match="expected HOST:PORT"):
        connected(address)


@pytest.mark.parametrize("url", ["", "host", "ftp://host", "http://", "http://h:x", "http://h?q"])
def test_urls_that_are_none_are_refused(url):
    with pytest.raises(UsageError, match="--slumbot"):
        Endpoint(url)


def test_nobody_at_the_address_is_told(slumbot):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ProtocolError, match="cannot connect to"):
        connected(f"127.0.0.1:{port}")
    server = slumbot()
    server.close()
    with pytest.raises(ProtocolError, match="refused"):
        next(play_slumbot(Wild(RULES), Endpoint(server.url), seed=1))


class Told:
    """A strategy's game in the place of a run: the command is told what it would have loaded."""

    def __init__(self, strategy) -> None:
        self.strategy = strategy
        self.stored = self
        self.checkpoint = self
        self.path = "made"


@pytest.fixture
def command(monkeypatch):
    """Run ``play`` for a made player of Slumbot's game: the command, all but loading a run."""
    import cfr_shm.cli.play as play_command
    from cfr_shm.cli import sources
    from cfr_shm.strategy import function_player as players

    class Game:
        big_blind = 100.0
        player_count = 2

    class Made:
        name = "made@1"
        game = Game()

    monkeypatch.setattr(sources, "open_strategy", lambda *_: Told(Made()))
    monkeypatch.setattr(play_command, "rules_of", lambda _: RULES)
    monkeypatch.setattr(players, "player_of", lambda _, rules: Wild(rules))
    return lambda *arguments: main(["play", "made", "--seed", "3", *arguments])


def test_the_command_plays_slumbot_and_says_what_it_won(command, slumbot, capsys, tmp_path):
    server, file = slumbot(), tmp_path / "hands.phhs"
    assert command("--slumbot", server.url, "--hands", "20", "--json", "--phh", str(file)) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["hands"], found["chips"], found["method"]) == (20, sum(server.won), "slumbot")
    assert found["value"] == pytest.approx(np.mean(server.won))
    assert found["adjusted"]["value"] == pytest.approx(
        np.mean(np.array(server.won) - np.array(server.baseline))
    )
    hands = [read_hand(each) for each in documents(file.read_text(), "hands")]
    won = [payoffs_of(each)[each.names.index("made@1")] for each in hands]
    assert won == server.won


def test_the_command_plays_acpc_and_says_what_it_won(command, dealt, capsys, tmp_path):
    dealer = Dealer(TWO, 20, 1)
    game = tmp_path / "some.game"
    game.write_text(dealer.game_text)
    assert command("--acpc", dealer.address, "--acpc-game", str(game)) == 0
    dealer.join()
    told = capsys.readouterr().out
    assert f"20 hands: {sum(dealer.won):+,.6g} chips" in told


def test_what_was_played_before_a_fault_is_kept(command, slumbot, capsys, tmp_path):
    def trouble(number, document):
        return (500, b"") if number == 40 else (200, json.dumps(document).encode())

    server, file = slumbot(1, trouble), tmp_path / "hands.phhs"
    assert command("--slumbot", server.url, "--json", "--phh", str(file)) == 1
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["hands"] == len(documents(file.read_text(), "hands")) > 3
    assert found["chips"] == sum(server.won[: found["hands"]])
    assert "status 500" in found["error"]
    errors = [line for line in told.err.splitlines() if "error" in line]
    assert len(errors) == 1
    assert "status 500" in errors[0]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--acpc", "h:1", "--slumbot", "http://h"), 2, "one at a time"),
        (("--acpc", "h:1", "--seat", "0"), 2, "--seat is for playing at the terminal"),
        (("--slumbot", "http://h", "--review"), 2, "--review is for playing at the terminal"),
        (("--acpc-game", "x"), 2, "--acpc-game is for --acpc"),
        (("--acpc", "nowhere"), 2, "expected HOST:PORT"),
        (("--acpc", "h:1", "--acpc-game", "/no/such.game"), 2, "/no/such.game: No such file"),
        (("--slumbot", "nowhere"), 2, "expected http(s)://HOST"),
    ],
)
def test_the_command_refuses_in_one_line(command, capsys, arguments, code, said):
    assert command(*arguments) == code
    assert said in capsys.readouterr().err.splitlines()[-1]
