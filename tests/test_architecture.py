"""The house rules, executed: import directions, purity of the core, sizes and names.

A finding reads `file:line: what is wrong: what to do`. Each rule is also shown a page that breaks
it, so that a rule that has stopped looking is found.
"""

import re
from collections.abc import Callable

import pytest

from tests.house import import_rules, page_rules
from tests.house.source import PRODUCT, ROOT, Source, sources

LONGEST_DOCUMENTATION = 1_500
EXAMPLE = re.compile(r"^```example\n.*?^```\n", re.DOTALL | re.MULTILINE)

Rule = Callable[[Source], list[str]]

PRODUCT_RULES: list[Rule] = [
    import_rules.wrong_imports,
    page_rules.impurities,
    page_rules.misplaced_records,
    page_rules.busy_packages,
    page_rules.inline_sql,
]
RULES_FOR_ALL: list[Rule] = [
    page_rules.overlong,
    page_rules.hiding_names,
    page_rules.disabled_asserts,
]


def _name(rule: Rule) -> str:
    return rule.__name__


@pytest.mark.parametrize("rule", PRODUCT_RULES, ids=_name)
def test_product_keeps(rule: Rule) -> None:
    """What a review would have to look for every time, the machine looks for."""
    found = [finding for source in sources(*PRODUCT) for finding in rule(source)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("rule", RULES_FOR_ALL, ids=_name)
def test_every_file_keeps(rule: Rule) -> None:
    """Tests and benches are read as often as the product."""
    everything = sources(*PRODUCT, "tests", "bench")
    found = [finding for source in everything for finding in rule(source)]
    assert not found, "\n" + "\n".join(found)


def test_no_file_is_dead() -> None:
    """What nothing reaches is read, migrated and worried about for nothing."""
    product = sources(*PRODUCT)
    entries = [each for each in product if each.module in {"engine.__main__", "engine.cli.app"}]
    checks = sources("tests", "bench")
    tests = [each for each in checks if each.path.rpartition("/")[2].startswith(("test_", "conf"))]
    benches = [each for each in checks if each.path.startswith("bench/")]
    found = import_rules.unreachable([*product, *checks], [*entries, *tests, *benches])
    assert not found, "\n" + "\n".join(found)


def test_documentation_stays_readable() -> None:
    """A reader new to the project finds the way in ten minutes, or not at all.

    The examples of docs/rules.md are left out: they are tests, of which there cannot be too many.
    """
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    prose = (EXAMPLE.sub("", page.read_text(encoding="utf-8")) for page in pages)
    lines = sum(text.count("\n") for text in prose)
    assert lines < LONGEST_DOCUMENTATION, f"{lines} lines of documentation: cut, do not add"


@pytest.mark.parametrize(
    ("rule", "path", "text", "finding"),
    [
        (import_rules.wrong_imports, "risk/margin.py", "import matching.book", "risk may import"),
        (
            import_rules.wrong_imports,
            "matching/book.py",
            "from risk import margin",
            "imports risk.",
        ),
        (import_rules.wrong_imports, "feeds/x.py", "from persistence import rows", "persistence."),
        (import_rules.wrong_imports, "persistence/x.py", "import feeds.inbox", "imports feeds."),
        (import_rules.wrong_imports, "feeds/x.py", "import redis.asyncio", "take a RedisLink"),
        (import_rules.wrong_imports, "engine/daemon.py", "import asyncpg", "Connections.postgres"),
        (import_rules.wrong_imports, "engine/loop.py", "import engine.daemon", "engine.daemon"),
        (import_rules.wrong_imports, "engine/daemon.py", "from engine.cli import app", "cli.app"),
        (import_rules.wrong_imports, "engine/codec.py", "import structlog", "return an event"),
        (import_rules.wrong_imports, "feeds/x.py", "import requests", "docs/decisions"),
        (import_rules.wrong_imports, "engine/odd.py", "", "no row in ALLOWED"),
        (page_rules.impurities, "risk/x.py", "def f():\n    import time", ":2: imports time"),
        (page_rules.impurities, "risk/x.py", "from datetime import date", "imports datetime"),
        (page_rules.impurities, "matching/x.py", "half = 0.5", "the float 0.5"),
        (page_rules.impurities, "matching/x.py", "a = b / c", "true division"),
        (page_rules.impurities, "matching/x.py", "a /= b", "true division"),
        (page_rules.impurities, "engine/kernel.py", "a = float(b)", "calls float"),
        (page_rules.impurities, "engine/kernel_x.py", "a = hash(b)", "calls hash"),
        (page_rules.impurities, "engine/kernel/x.py", "async def f(): ...", "waits"),
        (page_rules.impurities, "engine/limits.py", "print(1)", "calls print"),
        (page_rules.misplaced_records, "risk/x.py", "class A(Struct): ...", "Struct A"),
        (page_rules.misplaced_records, "risk/x.py", "class A(msgspec.Struct): ...", "Struct A"),
        (page_rules.busy_packages, "risk/__init__.py", "from risk import x", "nothing else"),
        (page_rules.busy_packages, "risk/__init__.py", "'doc'\nx = 1", "nothing else"),
        (page_rules.inline_sql, "persistence/x.py", "q = 'SELECT a FROM b'", "SQL lives"),
        (page_rules.overlong, "risk/x.py", "a = 1\n" * 401, "401 lines"),
        (page_rules.overlong, "risk/x.py", "def f():\n" + "    a = 1\n" * 60, "f has 61 lines"),
        (page_rules.hiding_names, "risk/fill_helper.py", "", "`helper` hides"),
        (page_rules.hiding_names, "risk/x.py", "class OrderManager: ...", "`manager` in Order"),
        (page_rules.disabled_asserts, "risk/x.py", "    # assert a", "commented-out assert"),
    ],
)
def test_rule_sees_a_page_that_breaks_it(rule: Rule, path: str, text: str, finding: str) -> None:
    """A rule that finds nothing in a bad page would find nothing in ours."""
    found = rule(Source(path, text))
    assert any(finding in each for each in found), found
    assert all(each.startswith(f"{path}:") for each in found), "each finding names its place"


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (import_rules.wrong_imports, "risk/margin.py", "from matching.terms import Side"),
        (import_rules.wrong_imports, "engine/connections.py", "import redis, asyncpg"),
        (import_rules.wrong_imports, "engine/cli/app.py", "from engine.daemon import run"),
        (page_rules.impurities, "engine/daemon.py", "import time\na = 1.5 / 2"),
        (page_rules.misplaced_records, "matching/messages.py", "class A(Struct): ..."),
        (page_rules.busy_packages, "risk/__init__.py", "'doc'"),
        (page_rules.inline_sql, "persistence/x.py", "a = 'select a fill'"),
    ],
)
def test_rule_leaves_a_good_page_alone(rule: Rule, path: str, text: str) -> None:
    """A rule that cries at everything is switched off sooner or later."""
    assert rule(Source(path, text)) == []


def test_dead_file_is_seen() -> None:
    """Two files that only import each other keep each other from looking dead."""
    root = Source("engine/cli/app.py", "from engine import alive")
    alive = Source("engine/alive.py", "")
    dead = [
        Source("engine/one.py", "import engine.other"),
        Source("engine/other.py", "import engine.one"),
    ]
    found = import_rules.unreachable([root, alive, *dead], [root])
    assert [each.partition(":")[0] for each in found] == ["engine/one.py", "engine/other.py"]
