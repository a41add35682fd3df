"""The product's own source as syntax trees, for rules that no linter has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PURE = ("contract", "policy", "review")


@dataclass(frozen=True)
class Module:
    """One file and its tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path from the repository's root, for messages."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def package(self) -> str:
        """The first folder below hitl_stream, or the file's stem."""
        return Path(self.name).with_suffix("").parts[1]

    def docstrings(self) -> set[int]:
        """The identities of all nodes that are docstrings."""
        holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, holders) and node.body and isinstance(node.body[0], ast.Expr):
                found.add(id(node.body[0].value))
        return found


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Every Python file below the folders."""
    return tuple(_read(path) for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))


def dotted(node: ast.AST) -> str:
    """`os.environ.get` of the expression that says so; empty for anything else."""
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(inner, name):
            return f"{dotted(inner)}.{name}"
        case _:
            return ""


def names(module: Module) -> Iterator[tuple[int, str]]:
    """Every dotted name that is used, and everything imported by name, with its line."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Attribute():
                yield node.lineno, dotted(node)
            case ast.ImportFrom(module=str(origin), names=aliases):
                for alias in aliases:
                    yield node.lineno, f"{origin}.{alias.name}"


def _read(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(path, text, ast.parse(text))
