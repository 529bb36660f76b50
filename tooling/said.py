# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the code says of findings: texts that are arguments of a call, read without running it."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SOMETHING = "…"
Known = Mapping[str, ast.expr]


@dataclass(frozen=True)
class Said:
    """The arguments of a call, each in all the ways in which it can come out. What is known only when the
    code runs is written in capitals, or as SOMETHING.
    """

    function: str
    arguments: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Reader:
    """Reads the calls of ``names``. What an expression in ``values`` stands for is put in its place."""

    names: frozenset[str]
    values: Mapping[str, str] = field(default_factory=dict)
    helpers: dict[str, ast.FunctionDef] = field(default_factory=dict)

    def file(self, path: Path) -> Iterator[Said]:
        """The calls in a file, function by function."""
        tree = ast.parse(path.read_text())
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        self.helpers.clear()
        self.helpers.update((node.name, node) for node in functions if _returned(node))
        outside = _assigned(tree.body)
        for function in functions:
            known = outside | _assigned(ast.walk(function))
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _called(node) in self.names:
                    texts = (tuple(dict.fromkeys(self._texts(one, known))) for one in node.args)
                    yield Said(function.name, tuple(texts))

    def _texts(self, node: ast.expr, known: Known) -> list[str]:
        if ast.unparse(node) in self.values:
            return [self.values[ast.unparse(node)]]
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        if isinstance(node, ast.IfExp):
            return [*self._texts(node.body, known), *self._texts(node.orelse, known)]
        if isinstance(node, ast.JoinedStr):
            return [
                "".join(chosen)
                for chosen in itertools.product(*(self._part(one, known) for one in node.values))
            ]
        if isinstance(node, ast.Name) and node.id in known:
            return self._texts(known[node.id], {name: known[name] for name in known if name != node.id})
        if isinstance(node, ast.Call) and _called(node) in self.helpers:
            helper = self.helpers[_called(node)]
            given = zip((one.arg for one in helper.args.args), node.args, strict=False)
            text = _returned(helper)
            return self._texts(text, {**known, **dict(given)}) if text else []
        return [_placeholder(node)]

    def _part(self, part: ast.expr, known: Known) -> list[str]:
        """A part of a text; one of two that stand in the middle is left open."""
        if not isinstance(part, ast.FormattedValue):
            return self._texts(part, known)
        value = part.value
        left_open = isinstance(value, ast.Name) and isinstance(known.get(value.id), ast.IfExp)
        if left_open and ast.unparse(value) not in self.values:
            return [_placeholder(value)]
        return self._texts(value, known)


def _placeholder(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id.upper()
    return node.attr.upper() if isinstance(node, ast.Attribute) else SOMETHING


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _returned(function: ast.FunctionDef) -> ast.expr | None:
    """The text, or one of two, that a function makes of its arguments, if it does little else."""
    last = function.body[-1]
    if isinstance(last, ast.Return) and all(
        isinstance(one, ast.Assign | ast.Expr) for one in function.body[:-1]
    ):
        return last.value if isinstance(last.value, ast.JoinedStr | ast.IfExp) else None
    return None


def _assigned(nodes: Iterable[ast.AST]) -> dict[str, ast.expr]:
    """Names that are given a text, or one of two."""
    found: dict[str, ast.expr] = {}
    for node in nodes:
        if not isinstance(node, ast.Assign):
            continue
        pairs: list[tuple[ast.expr, ast.expr]] = [(node.targets[0], node.value)]
        if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(node.targets[0].elts, node.value.elts, strict=True))
        for name, text in pairs:
            if isinstance(name, ast.Name) and isinstance(text, ast.Constant | ast.JoinedStr | ast.IfExp):
                found[name.id] = text
    return found
