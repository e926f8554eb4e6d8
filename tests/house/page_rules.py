"""How a page must look, and what may not stand on a page of the core."""

import ast
import re
from collections.abc import Iterator

from tests.house.import_rules import CORE
from tests.house.source import Source, is_below

LONGEST_FUNCTION = 60
LONGEST_FILE = 400

RECORDS = ("terms", "messages", "wire")

AMBIENT = frozenset(
    {
        *("asyncio", "concurrent", "datetime", "io", "logging", "multiprocessing", "os"),
        *("pathlib", "random", "secrets", "select", "signal", "socket", "subprocess", "sys"),
        *("threading", "time", "uuid"),
    }
)
AMBIENT_CALLS = {
    "float": "count in ticks, lots, atoms and ppm",
    "print": "return an event",
    "open": "the core does no I/O",
    "hash": "it differs between processes: use hashlib on a canonical form",
    "id": "it differs between processes: compare with `is`",
}
HIDING = frozenset(
    {"manager", "service", "handler", "util", "utils", "helper", "helpers", "common", "base"}
)

_SQL = re.compile(
    r"\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\S+\s+SET\s|DELETE\s+FROM\s|TRUNCATE\s"
    r"|(CREATE|ALTER|DROP)\s+(TABLE|SCHEMA|VIEW|INDEX|ROLE|DATABASE|FUNCTION)\s)"
)
_DISABLED_ASSERT = re.compile(r"^\s*#\s*assert\b")


def impurities(source: Source) -> list[str]:
    """Find what would make the core depend on anything but its inputs."""
    if not any(is_below(source.module, each) for each in CORE):
        return []
    ambient = [
        source.at(node, f"imports {name}: the core knows only its inputs; pass the value in")
        for node, name in source.imports()
        if name.partition(".")[0] in AMBIENT
    ]
    return ambient + [
        source.at(node, problem)
        for node in ast.walk(source.tree)
        for problem in _impurities_of(node)
    ]


def misplaced_records(source: Source) -> list[str]:
    """Find msgspec Structs in modules that mypyc must be able to compile."""
    is_core = any(is_below(source.module, each) for each in CORE)
    name = source.module.rpartition(".")[2]
    if not is_core or any(is_below(name, each) for each in RECORDS):
        return []
    return [
        source.at(
            node,
            f"defines the Struct {node.name}: mypyc cannot compile it, move it to "
            "terms.py, messages.py or wire.py",
        )
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(each).endswith("Struct") for each in node.bases)
    ]


def overlong(source: Source) -> list[str]:
    """Find files and functions that should be several."""
    lines = source.text.count("\n")
    found = []
    if lines > LONGEST_FILE:
        found.append(
            f"{source.path}:1: has {lines} lines, {LONGEST_FILE} is the bound: "
            "split it along its ideas"
        )
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                found.append(
                    source.at(
                        node,
                        f"{node.name} has {length} lines, {LONGEST_FUNCTION} is the "
                        "bound: give its steps names",
                    )
                )
    return found


def hiding_names(source: Source) -> list[str]:
    """Find modules and classes whose name says nothing."""
    found = [
        f"{source.path}:1: `{word}` hides what the module does: name its idea"
        for word in re.split(r"[._]", source.module)
        if word in HIDING
    ]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            words = {each.lower() for each in re.findall(r"[A-Z][a-z0-9]*", node.name)}
            found += [
                source.at(node, f"`{word}` in {node.name} hides what it is: name its idea")
                for word in sorted(words & HIDING)
            ]
    return found


def busy_packages(source: Source) -> list[str]:
    """Find `__init__.py` files that hold more than a docstring."""
    if not source.path.endswith("__init__.py"):
        return []
    is_documented = ast.get_docstring(source.tree) is not None
    if is_documented and len(source.tree.body) == 1:
        return []
    return [
        f"{source.path}:1: holds a docstring and nothing else: import from the module that defines"
    ]


def inline_sql(source: Source) -> list[str]:
    """Find SQL outside of .sql files."""
    return [
        source.at(node, "SQL lives in persistence/sql: move the statement to a .sql file")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.match(node.value)
    ]


def disabled_asserts(source: Source) -> list[str]:
    """Find asserts that were commented out."""
    return [
        f"{source.path}:{number}: a commented-out assert: state the invariant or delete the line"
        for number, line in enumerate(source.text.splitlines(), start=1)
        if _DISABLED_ASSERT.match(line)
    ]


def _impurities_of(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(value=float() | complex() as number):
            yield f"the float {number}: count in ticks, lots, atoms and ppm"
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            yield "true division: use // and say which way it rounds, or cross-multiply"
        case ast.Await() | ast.AsyncFunctionDef() | ast.AsyncFor() | ast.AsyncWith():
            yield "waits: the core is one synchronous function"
        case ast.Call(func=ast.Name(id=name)) if name in AMBIENT_CALLS:
            yield f"calls {name}: {AMBIENT_CALLS[name]}"
        case _:
            pass
