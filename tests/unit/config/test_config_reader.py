"""Reading settings: YAML's traps, bad files, and what a text means by the rule of its key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfr_shm.config.reader import Rule, Setting, nearest, parse, places, read_file, read_yaml
from cfr_shm.errors import ConfigError

WHOLE = Rule("whole", "", 1, 10**12)
REAL = Rule("real", "", -5.0, 5.0)
FLAG = Rule("flag", "")
FLAG_OR_AUTO = Rule("flag", "", words=("auto",))
WORD = Rule("word", "", words=("racy", "atomic"))
TEXT = Rule("text", "", optional=True)


def value(rule: Rule, text: str, quoted: bool = False):
    return parse(rule, Setting("run.key", text, "run.yaml:4:9", "run.yaml:4:3", quoted))


def refusal(text: str, name: str = "run.yaml") -> str:
    with pytest.raises(ConfigError) as caught:
        read_yaml(text, name)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 200
    return message


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        (WHOLE, "12", 12),
        (WHOLE, "1e9", 1_000_000_000),
        (WHOLE, "2.5e3", 2500),
        (WHOLE, "1_000_000", 1_000_000),
        (WHOLE, "+7", 7),
        (WHOLE, "100.0", 100),
        (REAL, "0", 0.0),
        (REAL, ".5", 0.5),
        (REAL, "-1e-3", -0.001),
        (REAL, "5", 5.0),
        (FLAG, "true", True),
        (FLAG, "False", False),
        (FLAG_OR_AUTO, "auto", "auto"),
        (WORD, "atomic", "atomic"),
        (TEXT, "on", "on"),
        (TEXT, "010", "010"),
        (TEXT, "null", None),
        (TEXT, "~", None),
    ],
)
def test_text_means_what_the_rule_says(rule, text, expected):
    found = value(rule, text)
    assert found == expected
    assert type(found) is type(expected)


def test_a_quoted_null_is_a_text():
    assert value(TEXT, "null", quoted=True) == "null"


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        (WHOLE, "0", "a whole number from 1 to 1000000000000, found '0'"),
        (WHOLE, "-1", "found '-1'"),
        (WHOLE, "1.5", "found '1.5'"),
        (WHOLE, "1e13", "found '1e13'"),
        (WHOLE, "1e9999", "found '1e9999'"),
        (WHOLE, "1e999999999", "found '1e999999999'"),
        (WHOLE, "010", "leave out the leading zero"),
        (WHOLE, "0x10", "found '0x10'"),
        (WHOLE, "1:30", "found '1:30'"),
        (WHOLE, "\u0661", "a whole number"),
        (WHOLE, "true", "found 'true'"),
        (WHOLE, "", "found nothing"),
        (WHOLE, "null", "found 'null'"),
        (WHOLE, "9" * 5000, "..."),
        (REAL, ".nan", "it must be finite"),
        (REAL, "-.inf", "it must be finite"),
        (REAL, "inf", "it must be finite"),
        (REAL, "1e400", "a number from -5.0 to 5.0"),
        (FLAG, "on", "true or false, found 'on'"),
        (FLAG, "1", "true or false"),
        (FLAG_OR_AUTO, "yes", "true or false or 'auto', found 'yes'"),
        (WORD, "racey", "'racy' or 'atomic', found 'racey'; did you mean 'racy'?"),
        (TEXT, "", "found nothing"),
    ],
)
def test_what_does_not_fit_is_refused_with_place_and_range(rule, text, expected):
    if rule is TEXT:
        rule = Rule("text", "")
    with pytest.raises(ConfigError) as caught:
        value(rule, text)
    message = str(caught.value)
    assert message.startswith("run.yaml:4:9: run.key must be ")
    assert expected in message
    assert len(message) < 200


@given(st.text(max_size=30))
def test_no_text_gets_past_a_rule_or_fails_otherwise(text):
    for rule in (WHOLE, REAL, FLAG_OR_AUTO, WORD):
        try:
            found = value(rule, text)
        except ConfigError:
            continue
        assert rule.accepts(found)


def test_settings_keep_their_places():
    settings = read_yaml("game:\n  name: kuhn\nrun:\n  seed: '7'   # lucky\n", "run.yaml")
    assert settings == [
        Setting("game.name", "kuhn", "run.yaml:2:9", "run.yaml:2:3", False),
        Setting("run.seed", "7", "run.yaml:4:9", "run.yaml:4:3", True),
    ]


def test_an_empty_section_and_a_byte_order_mark_are_fine(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_bytes(b"\xef\xbb\xbfgame:\nrun: {seed: 3}\n")
    assert [setting.key for setting in read_file(path)] == ["run.seed"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "run.yaml: is empty; expected sections"),
        ("# nothing but a comment\n", "run.yaml: is empty"),
        ("---\n...\n", "run.yaml: is empty"),
        ("run:\n", "run.yaml: sets nothing; expected keys below"),
        ("game:\nrun: {}\n", "run.yaml: sets nothing"),
        ("{}", "run.yaml: sets nothing"),
        ("just words", "run.yaml:1:1: expected sections such as 'game:' and 'run:', found"),
        (
            "- game\n- run\n",
            "run.yaml:1:1: expected sections such as 'game:' and 'run:', found a l",
        ),
        ("run: 5\n", "run.yaml:1:6: expected keys below 'run:', found '5'"),
        ("run: [seed]\n", "run.yaml:1:6: expected keys below 'run:', found a list"),
        ("run:\n  seed: {a: 1}\n", "run.seed must be a single value or a list, found a mapping"),
        ("run:\n  x: [{a: 1}]\n", "run.yaml:2:7: run.x must be a single value or a list, found a"),
        ("run:\n  x: [[[1]]]\n", "run.yaml:2:8: run.x is nested deeper than a list of lists"),
        ("run:\n  ? [1]\n  : 2\n", "run.yaml:2:5: a key must be a word, found a list"),
        ("run:\n  seed: 1\n  seed: 2\n", "run.yaml:3:3: duplicate key 'seed' (first on line 2)"),
        ("run:\n  seed: 1\nrun:\n", "run.yaml:3:1: duplicate key 'run' (first on line 1)"),
        ("run: !!python/object/apply:os.system [ls]\n", "tag 'tag:yaml.org,2002:python/object"),
        ("run:\n  seed: !!int 3\n", "run.yaml:2:9: tag 'tag:yaml.org,2002:int' is not supported"),
        ("a: &x {seed: 1}\nrun: *x\n", "run.yaml:2:6: alias '*x' is not supported"),
        ("a: &x\nrun:\n  <<: *x\n", "run.yaml:3:7: alias '*x' is not supported"),
        ("run: {seed: 1}\n---\ngame: {}\n", "run.yaml:2:1: a second document"),
        ("run:\n\tseed: 1\n", "run.yaml:2:1: is not valid YAML"),
        ("run: {seed: 1\n", "is not valid YAML"),
        ("run:\n  seed: \x00\n", "run.yaml:2: holds the character '\\x00'"),
    ],
)
def test_yaml_that_is_no_config_is_refused_with_its_line(text, expected):
    assert expected in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "? " * 100_000,
        "run:\n  seed: " + "[" * 100_000,
        "a: &a [x,x]\n" + "".join(f"b{i}: &b{i} [*a,*a]\n" for i in range(10_000)),
    ],
)
def test_bombs_are_refused_at_once(text):
    refusal(text)  # built, any of them takes minutes or all memory


def test_files_that_cannot_be_a_config(tmp_path: Path):
    binary, huge, pipe = tmp_path / "b.yaml", tmp_path / "h.yaml", tmp_path / "p.yaml"
    binary.write_bytes(b"run:\n  seed: 1\n\xff\xfe")
    huge.write_bytes(b"#" * (2 << 20))
    os.mkfifo(pipe)
    expected = {
        tmp_path / "absent.yaml": "cannot be read: No such file",
        tmp_path: "is a directory",
        Path("/dev/null"): "is not a regular file",
        pipe: "is not a regular file",
        huge: "a config has at most 1,048,576",
        binary: "b.yaml:3: is not UTF-8 text",
        tmp_path / ("x" * 5000): "cannot be read",
        Path("a\0b"): "cannot be read",
    }
    for path, text in expected.items():
        with pytest.raises(ConfigError) as caught:
            read_file(path)
        assert text in str(caught.value)
        assert "\n" not in str(caught.value)


def test_nearest_ignores_case_and_dashes():
    assert nearest("Time-Budget", ["time_budget", "seed"]) == "; did you mean 'time_budget'?"
    assert nearest("zzz", ["time_budget", "seed"]) == ""


SIZE = Rule("amount", "", 0.001, 1e6, ("allin",), units=("", "x", "bb"))
LEVELS = Rule("list", "", 1, 3, optional=True, items=Rule("list", "", 0, 2, items=SIZE))
STACKS = Rule("list", "", 2, 3, items=Rule("amount", "", 1, 1e8, units=("", "bb")), alone=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.5bb", "2.5bb"),
        ("1.0", "1"),
        (".50", "0.5"),
        ("007", "7"),
        ("100", "100"),
        ("0.0010x", "0.001x"),
        ("allin", "allin"),
    ],
)
def test_amounts_are_held_as_the_shortest_text(text, expected):
    assert value(SIZE, text) == expected
    assert SIZE.accepts(expected)
    assert (text == expected) or not SIZE.accepts(text)


@pytest.mark.parametrize(
    "text", ["2.5BB", "0", "1e3", "-1", "bb", "2.5 bb", "1" * 40, "inf", "50%"]
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ConfigError, match="with no unit or 'x' or 'bb' or 'allin', found"):
        value(SIZE, text)


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        (LEVELS, "[[.5, allin], [], ['2x']]", (("0.5", "allin"), (), ("2x",))),
        (LEVELS, "null", None),
        (STACKS, "100bb", "100bb"),
        (STACKS, "[100bb, 7]", ("100bb", "7")),
    ],
)
def test_lists_mean_the_same_wherever_they_stand(rule, text, expected):
    assert value(rule, text) == expected
    (setting,) = read_yaml(f"run:\n  key: {text}\n", "run.yaml")
    assert parse(rule, setting) == expected
    assert rule.accepts(expected)


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        (LEVELS, "[[1], [2, x]]", "run.yaml:2:18: run.key[1][1] must be a number from 0.001"),
        (LEVELS, "[[1], 2]", "run.yaml:2:14: run.key[1] must be a list of 0 to 2, each a number"),
        (LEVELS, "[[1, 2, 3]]", "run.yaml:2:9: run.key[0] must be a list of 0 to 2, each"),
        (LEVELS, "[]", "found a list of 0"),
        (LEVELS, "0.5", "run.yaml:2:8: run.key must be a list of 1 to 3, each a list"),
        (LEVELS, "[[null]]", "found 'null'"),
        (STACKS, "[1, 2bb, 0]", "run.yaml:2:17: run.key[2] must be a number from 1"),
        (STACKS, "oops", "run.yaml:2:8: run.key must be a number from 1"),
        (WHOLE, "[1]", "run.yaml:2:8: run.key must be a single value, found a list"),
    ],
)
def test_items_that_do_not_fit_are_named_with_their_place(rule, text, expected):
    (setting,) = read_yaml(f"run:\n  key: {text}\n", "run.yaml")
    with pytest.raises(ConfigError) as caught:
        parse(rule, setting)
    assert expected in str(caught.value)


def test_a_list_that_no_file_holds_is_read_too():
    def refused(text: str) -> str:
        with pytest.raises(ConfigError) as caught:
            parse(LEVELS, Setting("run.key", text, "--set run.key", "--set run.key"))
        return str(caught.value)

    assert refused("[[1], [2, x]]").startswith("--set run.key: run.key[1][1] must be a number")
    assert refused("[[1], [2").startswith("--set run.key: '[[1], [2' is not a list:")
    assert refused("[[[1]]]") == "--set run.key: the list is nested deeper than a list of lists"
    assert refused("[*a]").startswith("--set run.key: alias '*a' is not supported")
    assert refused("[\x00]").startswith("--set run.key: ")
    assert refused("[1] [2]").startswith("--set run.key: '[1] [2]' is not a list")


def test_places_of_items_are_known():
    (setting,) = read_yaml("run:\n  key: [[1], [2, 3]]\n", "x")
    assert dict(places(setting)) == {
        "run.key": "x:2:8",
        "run.key[0]": "x:2:9",
        "run.key[0][0]": "x:2:10",
        "run.key[1]": "x:2:14",
        "run.key[1][0]": "x:2:15",
        "run.key[1][1]": "x:2:18",
    }
