"""docs/rules.md and the tests hold each other to account."""

import ast
import re
from collections.abc import Iterable

from tests.house.source import PRODUCT, ROOT, Source, sources

_RULE = re.compile(r"^(?:#+ |\*\*)(?P<number>[A-F]\d{1,2})\b", re.MULTILINE)
_CITATION = re.compile(r"\(([A-F]\d{1,2})\)")


def rules_in_force(page: str) -> set[str]:
    """List the rule numbers that the page states: a heading or a bold start of line with one."""
    return set(_RULE.findall(page))


def uncited(rules: Iterable[str], tests: Iterable[Source]) -> list[str]:
    """List the rules that no test names in a docstring."""
    told = " ".join(
        ast.get_docstring(node) or ""
        for source in tests
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return sorted(each for each in rules if not re.search(rf"\b{each}\b", told))


def dangling(rules: set[str], pages: Iterable[Source]) -> list[str]:
    """List the citations such as `(A1)` of rules that the document does not hold."""
    return [
        f"{source.path}:{number}: cites {cited}, which docs/rules.md does not hold: "
        "write the rule down, or cite the one that is meant"
        for source in pages
        for number, line in enumerate(source.text.splitlines(), start=1)
        for cited in _CITATION.findall(line)
        if cited not in rules
    ]


def _in_force() -> set[str]:
    return rules_in_force((ROOT / "docs/rules.md").read_text(encoding="utf-8"))


def test_every_rule_is_proved_by_a_test() -> None:
    """A rule that no test cites is a promise that nobody keeps."""
    tests = [each for each in sources("tests") if each.path.rpartition("/")[2].startswith("test_")]
    tests = [each for each in tests if each.path != "tests/test_rules.py"]
    rules = _in_force()
    assert len(rules) > 10, "docs/rules.md was not understood"
    missing = uncited(rules, tests)
    assert not missing, f"no test's docstring names {', '.join(missing)}: write one that proves it"


def test_every_cited_rule_is_written_down() -> None:
    """A number in a docstring sends the reader to docs/rules.md, where the rule must stand."""
    found = dangling(_in_force(), sources(*PRODUCT))
    assert not found, "\n" + "\n".join(found)


def test_missing_and_dangling_citations_are_seen() -> None:
    """A link check that finds nothing in a bad page would find nothing in ours."""
    rules = rules_in_force("## A1 Priority\n**A2 Market orders** as in A9\nsee **B1**\n")
    assert rules == {"A1", "A2"}
    citing = Source("tests/test_x.py", 'def test_a() -> None:\n    """Older first (A1)."""\n')
    only_named = Source("tests/test_x.py", "A2 = 1\n# A2\n")
    assert uncited(rules, [citing, only_named]) == ["A2"]
    found = dangling(rules, [Source("risk/x.py", "a = 1\n# as it must (B1), see (A1)")])
    assert [each.partition(",")[0] for each in found] == ["risk/x.py:2: cites B1"]
