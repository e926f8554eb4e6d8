"""The project's own Python files, parsed and never imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("engine", "matching", "risk", "feeds", "persistence")


@dataclass(frozen=True)
class Source:
    """One file: `path` relative to the root, the text, and its syntax tree."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """Return the syntax tree."""
        return _parsed(self.text)

    @property
    def module(self) -> str:
        """Return the dotted name under which the file is imported."""
        parts = self.path.removesuffix(".py").split("/")
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def at(self, node: ast.AST, finding: str) -> str:
        """Return the finding with its place in front, as an editor can jump to it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {finding}"

    def imports(self) -> Iterator[tuple[ast.stmt, str]]:
        """List every import, wherever it stands: `import a.b` and `from a import b` give `a.b`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node, each.name) for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node, f"{node.module}.{each.name}") for each in node.names)


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Read every Python file below the folders of the root, in order of path."""
    found = sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "__pycache__" not in path.parts
    )
    return tuple(
        Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in found
    )


def is_below(module: str, package: str) -> bool:
    """Tell whether the module is the package, lies in it, or is a part split off (`kernel_x`)."""
    return module == package or module.startswith((f"{package}.", f"{package}_"))
