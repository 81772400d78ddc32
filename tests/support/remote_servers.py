"""Servers that deal hands to a client and enforce the rules: ACPC's dealer, Slumbot's interface.

Both play by OpenSpiel's universal_poker, and at random in the other seats. What a client does
wrong ends the match and is kept in ``broken``; what it won by their own reckoning is in ``won``.
"""

from __future__ import annotations

import json
import random
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import universal_poker
from universal_poker import UniversalHand


class BrokenRuleError(Exception):
    """The client broke a rule."""


def random_action(rng: random.Random, hand: UniversalHand) -> int:
    """Any legal action; checks and calls most often, so that hands go on."""
    may_fold, raises = hand.legal()
    actions = [1, 1, 1]
    if may_fold:
        actions.append(0)
    if raises:
        actions += [raises[0], rng.randint(raises[0], min(raises[1], 3 * raises[0]))]
        if rng.random() < 0.1:
            actions.append(raises[1])
    return rng.choice(actions)


def legal_or_broken(hand: UniversalHand, action: int) -> int:
    may_fold, raises = hand.legal()
    if action == 0 and not may_fold:
        raise BrokenRuleError("a fold with nothing to call")
    if action > 1 and not (raises and raises[0] <= action <= raises[1]):
        raise BrokenRuleError(f"a raise to {action}, {raises} are legal")
    return action


class Dealer:
    """ACPC's dealer for one client over TCP.

    ``trouble`` changes a line that it sends: called with the number of the line and its text, it
    returns bytes, or None to close the connection there.
    """

    def __init__(self, description, hands: int, seed: int, trouble=None) -> None:
        self.game_text = universal_poker.game_text(*description)
        self._game = universal_poker.load(self.game_text)
        self._players, self._hands = description[0], hands
        self._random = random.Random(seed)
        self._trouble = trouble or (lambda _, line: f"{line}\r\n".encode())
        self._sent = 0
        self.won: list[float] = []
        self.broken: str | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(60)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join(60)
        self._listener.close()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
            connection.settimeout(60)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection, connection.makefile("rb") as reader:
                self._connection, self._reader = connection, reader
                if self._line() != "VERSION:2.0.0":
                    raise BrokenRuleError("no version")
                self._send("# a comment, which says nothing")
                for number in range(self._hands):
                    self._play(number, number % self._players)
        except BrokenRuleError as error:
            self.broken = str(error)
        except OSError:
            pass

    def _line(self) -> str:
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("the client has gone")
        return line[:-2].decode()

    def _send(self, line: str) -> None:
        content = self._trouble(self._sent, line)
        self._sent += 1
        if content is None:
            raise OSError("closed on purpose")
        self._connection.sendall(content)

    def _play(self, number: int, position: int) -> None:
        cards = self._random.sample(range(52), 2 * self._players + 5)
        hand = UniversalHand(self._game, cards)
        while not hand.finished:
            state = self._state(hand, number, position)
            self._send(state)
            if hand.position == position:
                hand.play(legal_or_broken(hand, self._answer(state)))
            else:
                hand.play(random_action(self._random, hand))
        # Before the client is told: it may close at once.
        self.won.append(hand.state.returns()[position])
        self._send(self._state(hand, number, position))

    def _answer(self, state: str) -> int:
        line = self._line()
        found = re.fullmatch(re.escape(state) + r":(f|c|r[0-9]+)", line)
        if found is None:
            raise BrokenRuleError(f"{line!r} does not answer {state!r}")
        return "fc".index(found[1]) if found[1] in "fc" else int(found[1][1:])

    def _state(self, hand: UniversalHand, number: int, position: int) -> str:
        _, betting, cards = hand.line().split(":")
        private, *board = cards.split("/")
        folded = folders(betting, self._players)
        shown = hand.finished and len(folded) + 1 < self._players
        holes = [
            hole if place == position or (shown and place not in folded) else ""
            for place, hole in enumerate(private.split("|"))
        ]
        return f"MATCHSTATE:{position}:{number}:{betting}:{'/'.join(['|'.join(holes), *board])}"


def folders(betting: str, players: int) -> set[int]:
    """The positions that have folded, from the betting alone; nobody is all-in for less."""
    gone: set[int] = set()
    for street, part in enumerate(betting.split("/")):
        seat = (1 if players == 2 else 2 % players) if street == 0 else 0
        for token in re.findall(r"f|c|r[0-9]+", part):
            while seat in gone:
                seat = (seat + 1) % players
            if token == "f":
                gone.add(seat)
            seat = (seat + 1) % players
    return gone


def as_slumbot(betting: str) -> str:
    """ACPC's betting heads-up, blinds 50 and 100, in Slumbot's words."""
    spent, streets = [100, 50], []
    for street, part in enumerate(betting.split("/")):
        before, actor, words = (max(spent) if street else 0), (0 if street else 1), []
        for token in re.findall(r"f|c|r[0-9]+", part):
            if token == "f":
                words.append("f")
            elif token == "c":
                words.append("c" if spent[actor] < max(spent) else "k")
                spent[actor] = max(spent)
            else:
                spent[actor] = int(token[1:])
                words.append(f"b{spent[actor] - before}")
            actor = 1 - actor
        streets.append("".join(words))
    return "/".join(streets)


class SlumbotServer:
    """Slumbot's interface over HTTP, one session.

    ``trouble`` changes an answer: called with its number and document, it returns status and body.
    """

    def __init__(self, seed: int, trouble=None) -> None:
        description = (2, (50, 100), 20_000, "nolimit")
        self._game = universal_poker.load(universal_poker.game_text(*description))
        self._random = random.Random(seed)
        self._trouble = trouble or (lambda _, document: (200, json.dumps(document).encode()))
        self._answers = 0
        self.won: list[int] = []
        self.baseline: list[int] = []
        self.broken: str | None = None
        self._hand: UniversalHand | None = None
        self._token = ""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = server.answer(self.path, self.headers, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, headers, body: bytes) -> tuple[int, bytes]:
        try:
            if headers["Content-Type"] != "application/json":
                raise BrokenRuleError("no JSON")
            document = self._asked(path, json.loads(body))
        except BrokenRuleError as error:
            self.broken = self.broken or str(error)
            document = {"error_msg": str(error)}
        self._answers += 1
        return self._trouble(self._answers, document)

    def _asked(self, path: str, document) -> dict:
        if self._token and document.get("token") != self._token:
            raise BrokenRuleError("not the newest token")
        if path == "/api/new_hand":
            if self._hand is not None and not self._hand.finished:
                raise BrokenRuleError("a new hand before the last is over")
            self._position = len(self.won) % 2
            self._cards = self._random.sample(range(52), 9)
            self._hand = UniversalHand(self._game, self._cards)
        elif path == "/api/act":
            if self._hand is None or self._hand.finished:
                raise BrokenRuleError("no hand to act in")
            self._hand.play(self._action(document.get("incr")))
        else:
            raise BrokenRuleError(f"no {path}")
        while not self._hand.finished and self._hand.position != self._position:
            self._hand.play(random_action(self._random, self._hand))
        return self._document()

    def _action(self, text) -> int:
        betting = self._hand.line().split(":")[1]
        found = re.fullmatch(r"k|c|f|b([0-9]+)", str(text))
        if found is None:
            raise BrokenRuleError(f"{text!r} is no move")
        if text == "f":
            return legal_or_broken(self._hand, 0)
        spent = [int(each) for each in re.findall(r"P\d: (\d+)", str(self._hand.state))]
        if text in ("k", "c"):
            if (text == "k") != (spent[0] == spent[1]):
                raise BrokenRuleError(f"{text!r} where the other is meant")
            return 1
        before = self._street_start(betting)
        return legal_or_broken(self._hand, int(found[1]) + before)

    @staticmethod
    def _street_start(betting: str) -> int:
        """What both have put in before this street."""
        earlier = betting.split("/")[:-1]
        if not earlier:
            return 0
        return max([100, *(int(total) for total in re.findall(r"r([0-9]+)", "/".join(earlier)))])

    def _document(self) -> dict:
        _, betting, cards = self._hand.line().split(":")
        private, *board = cards.split("/")
        holes = [re.findall("..", hole) for hole in private.split("|")]
        self._token = f"token{self._random.random()}"
        document = {
            "old_action": "",
            "action": as_slumbot(betting),
            "client_pos": self._position,
            "hole_cards": holes[self._position],
            "board": [card for part in board for card in re.findall("..", part)],
            "token": self._token,
        }
        if self._hand.finished:
            self.won.append(int(self._hand.state.returns()[self._position]))
            self.baseline.append(self._random.randint(-500, 500))
            document |= {
                "winnings": self.won[-1],
                "baseline_winnings": self.baseline[-1],
                "bot_hole_cards": holes[1 - self._position],
            }
        return document
