"""Update rules in an unrolled step's own names."""

from __future__ import annotations

import ast
from typing import Any

from gobhir.engine.compile.unroll import FUNCTIONS, CannotUnroll


class _Rewrite(ast.NodeTransformer):
    """A rule's formula in the step's own names: settings as numbers, squares as products."""

    def __init__(self, names: dict[str, str], words: dict[str, Any], hoisted: Any, suffix: str):
        self.names, self.words, self.hoisted, self.suffix = names, words, hoisted, suffix

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id in self.names:
            return ast.Name(self.names[node.id])
        if node.id in self.words:
            return ast.Constant(float(self.words[node.id]))
        if node.id in (*FUNCTIONS, "max", "min", "abs"):
            return node
        raise CannotUnroll

    def visit_Constant(self, node: ast.Constant) -> Any:
        return ast.Constant(float(node.value)) if type(node.value) is int else node

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        square = isinstance(node.op, ast.Pow) and getattr(node.right, "value", None) == 2
        node = ast.BinOp(self.visit(node.left), node.op, self.visit(node.right))
        if square and isinstance(node.left, ast.Name):
            return ast.BinOp(node.left, ast.Mult(), node.left)
        if isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant):
            return ast.Constant(eval(ast.unparse(ast.fix_missing_locations(node))))
        inside = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        if inside == {self.names["t"]} and not isinstance(node.op, ast.Pow):
            text = ast.unparse(ast.fix_missing_locations(node))
            name = self.hoisted.setdefault(text, f"c{len(self.hoisted) + 1}{self.suffix}")
            return ast.Name(name)
        return node


def rewritten(formula: str, names: Any, words: Any, hoisted: Any, suffix: str) -> str:
    tree = ast.parse(formula, mode="eval")
    return ast.unparse(
        ast.fix_missing_locations(_Rewrite(names, words, hoisted, suffix).visit(tree))
    )


def assigned(target: str, formula: str, names: Any, words: Any, hoisted: Any, suffix: str) -> str:
    new = rewritten(formula, names, words, hoisted, suffix)
    if new.startswith(f"{target} - "):
        tail = ast.parse(new, mode="eval").body
        if isinstance(tail, ast.BinOp) and ast.unparse(tail.left) == target:
            return f"{target} -= {ast.unparse(tail.right)}"
    return f"{target} = {new}"
