"""Reading settings: YAML's traps, bad files, and what a text means by the rule of its key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfr_shm.config_reader import Rule, Setting, nearest, parse, read_file, read_yaml
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
        ("just words", "run.yaml:1:1: expected sections such as 'game:' and 'run:', found"),
        (
            "- game\n- run\n",
            "run.yaml:1:1: expected sections such as 'game:' and 'run:', found a l",
        ),
        ("run: 5\n", "run.yaml:1:6: expected keys below 'run:', found '5'"),
        ("run: [seed]\n", "run.yaml:1:6: expected keys below 'run:', found a list"),
        ("run:\n  seed: [1]\n", "run.yaml:2:9: run.seed must be a single value, found a list"),
        ("run:\n  seed: {a: 1}\n", "run.seed must be a single value, found a mapping"),
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
