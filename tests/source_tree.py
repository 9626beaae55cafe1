"""The source as a tree of modules: what each imports, and the functions it defines."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"


@dataclass(frozen=True)
class Function:
    """One function or method, named ``module:Class.method``, and how many lines of code it takes.

    The decorators, the docstring, blank lines and the functions nested in it do not count.
    """

    name: str
    lines: int


@dataclass(frozen=True)
class Module:
    """One file of Python, parsed."""

    name: str
    path: Path

    @cached_property
    def text(self) -> str:
        """What is in the file."""
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        """The file as a syntax tree."""
        return ast.parse(self.text, str(self.path))

    @property
    def imports(self) -> set[str]:
        """All it imports anywhere, with what only its annotations need: our modules, and names from others."""
        return {name for node in ast.walk(self.tree) for name in _imported(node)}

    @property
    def imports_when_loaded(self) -> set[str]:
        """Every module that is imported as soon as this one is."""
        return {name for node in _run_at_import(self.tree.body) for name in _imported(node)}

    @property
    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        lines = self.text.splitlines()
        for name, node in _definitions(self.tree, f"{self.name}:"):
            yield Function(name, len(_own_lines(node, lines)))


@cache
def modules() -> dict[str, Module]:
    """Every module of the package, by its dotted name."""
    return {module.name: module for module in map(_module, sorted(SOURCE.rglob("*.py")))}


def tracked_files() -> list[Path]:
    """Every file that is, or is about to be, in the repository."""
    argv = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def reachable(name: str) -> set[str]:
    """The modules of ours that a module needs, itself and theirs included."""
    seen, waiting = set[str](), [name]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += modules()[module].imports & modules().keys()
    return seen


def _module(path: Path) -> Module:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), path)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        submodules = {f"{node.module}.{alias.name}" for alias in node.names} & modules().keys()
        yield from submodules
        if node.module in modules() and len(submodules) < len(node.names):
            yield node.module
        elif node.module not in modules():
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _run_at_import(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The statements that run when the module is loaded: not those of functions, nor those for type checkers only."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from _run_at_import(statement.orelse)
            continue
        yield statement
        for part in ("body", "orelse", "handlers", "finalbody"):
            yield from _run_at_import(getattr(statement, part, []))


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        inner = prefix
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{prefix}{child.name}."
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield inner[:-1], child
        yield from _definitions(child, inner)


def _own_lines(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> set[int]:
    own = {number for number in _span(node) if lines[number - 1].strip()}
    for inner in ast.walk(node):
        if inner is not node and isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            own -= _span(inner)
    if ast.get_docstring(node) is not None:
        own -= _span(node.body[0])
    return own


def _span(node: ast.stmt) -> set[int]:
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
