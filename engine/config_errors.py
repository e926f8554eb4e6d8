"""What is wrong with a configuration, in words that name the key and the remedy."""

import difflib
import re
from collections.abc import Iterable
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

IDENTIFIER_PATTERN = r"^[A-Za-z0-9._-]{1,64}\Z"
DECIMAL_PATTERN = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?\Z"

_PATH = re.compile(r"^(?P<problem>.*) - at `\$(?P<path>.*)`$", re.DOTALL)
_STEP = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
_NAMED = re.compile(r"(?:unknown|required) field `(?P<name>.*)`$")
_BOUND = re.compile(r"^Expected `(int|str|array)` (of length )?(?P<sign><=|>=|<|>) (?P<bound>\d+)")
_SIGNS = {"<=": "at most", ">=": "at least", "<": "below", ">": "above"}
_IN_WORDS = (
    (f"matching regex {IDENTIFIER_PATTERN!r}", "expected 1 to 64 of A-Z a-z 0-9 . _ -"),
    (f"matching regex {DECIMAL_PATTERN!r}", 'expected a decimal such as "0.05"'),
    ("matching regex", "expected another form, see the comment in the shipped config.toml"),
)


def explain(problem: str, raw: object, root: type) -> str:
    """Turn msgspec's complaint about `raw` into `key: what was expected, what to do`."""
    located = _PATH.match(problem)
    path = located["path"] if located else ""
    problem = located["problem"] if located else problem
    key = path.removeprefix(".")
    struct, value = _follow(path, raw, root)
    named = _NAMED.search(problem)
    if named is not None:
        name = named["name"]
        full = f"{key}.{name}" if key else name
        if "missing" in problem:
            return f"{full}: required"
        known = _keys(struct)
        near = suggestion(name, known)
        return f"{full}: no such key{near or '; known here: ' + ', '.join(known)}"
    if problem.startswith(("Expected", "Invalid")):
        return f"{key}: {_expectation(problem, value, struct)}"
    # A check of our own: its text begins with the key inside the section, or says all.
    return f"{key}.{problem}" if key else problem


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?` where a known name is near, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def _expectation(problem: str, value: object, expected: Any) -> str:
    if "`int | str" in problem and "got `float`" in problem:
        return f'decimals are written as strings: "{value}", not {value}'
    bound = _BOUND.match(problem)
    if bound is not None:
        length = "length " if "length" in problem else ""
        shown = len(value) if isinstance(value, str) else value
        return f"{length}must be {_SIGNS[bound['sign']]} {int(bound['bound']):_}, is {shown}"
    if problem.startswith("Invalid enum value"):
        choices = _choices(expected)
        near = suggestion(str(value), choices)
        return f"`{value}` is none of {', '.join(choices)}{near}"
    for phrase, words in _IN_WORDS:
        if phrase in problem:
            return f"{words}, is `{value}`"
    return problem[0].lower() + problem[1:]


def _follow(path: str, raw: object, root: Any) -> tuple[Any, object]:
    """Return the type expected at `path` and the value that stands there."""
    expected: Any = root
    value: Any = raw
    for name, place in _STEP.findall(path):
        if name:
            expected = get_type_hints(expected)[name] if isinstance(expected, type) else None
            value = value.get(name) if isinstance(value, dict) else None
        else:
            expected = next(iter(get_args(_plain(expected))), None)
            reachable = isinstance(value, list) and place.isdigit()
            value = value[int(place)] if reachable else None
        expected = _plain(expected)
    return expected, value


def _plain(expected: Any) -> Any:
    """Drop `| None`: an optional value is described by what it is when present."""
    if get_origin(expected) in {Union, UnionType}:
        present = [each for each in get_args(expected) if each is not type(None)]
        return present[0] if len(present) == 1 else expected
    return expected


def _keys(struct: Any) -> list[str]:
    return list(getattr(struct, "__struct_fields__", ()))


def _choices(expected: Any) -> list[str]:
    return [str(each) for each in get_args(expected)] if get_origin(expected) is Literal else []
