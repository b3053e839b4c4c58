"""Lesson Markdown: MyST's block breaks and roles, `$` formulas, tables, fenced boxes; no raw HTML.

A number in a text is bound to code: {v}`p:.4f` in prose, \\v{p:.4f} inside a formula. What stands
between the braces is what would stand between the braces of a Python f-string.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.dollarmath.index import math_block_dollar
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from mdit_py_plugins.myst_role import myst_role_plugin

MATH = {"math_inline", "math_inline_double", "math_block"}
BOXES = ("note", "tip", "warning")


@cache
def parser() -> MarkdownIt:
    """The one parser of the course. Raw HTML stays text; a formula may follow a line of prose; a
    wide table scrolls inside a box of its own, by keyboard too."""
    md = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table")
    md.use(front_matter_plugin).use(myst_block_plugin).use(myst_role_plugin)
    md.use(dollarmath_plugin, allow_labels=False, double_inline=True)
    md.block.ruler.at("math_block", _formula_block, {"alt": ["paragraph", "blockquote", "list"]})
    md.add_render_rule("text", _text)
    md.add_render_rule("table_open", lambda *_: '<div class="table" tabindex="0"><table>\n')
    md.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return md


def _text(self: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    """No line may end between a word and the Bangla ending that a hyphen joins to it."""
    return re.sub("-(?=[\u0980-\u09ff])", "-\u2060", escapeHtml(tokens[at].content))


_formula_lines = math_block_dollar(False, None, False)


def _formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """The plugin's rule writes its tokens even when it is only asked whether a formula begins."""
    if silent:
        return state.src.startswith("$$", state.bMarks[start] + state.tShift[start])
    return _formula_lines(state, start, end, silent)


def parse(text: str) -> list[Token]:
    return parser().parse(text)


def walk(tokens: list[Token]) -> Iterator[tuple[Token, int | None]]:
    """Every token with its children and the line (from 0) at which its block begins."""
    for token in tokens:
        line = token.map[0] if token.map else None
        yield token, line
        for child in token.children or []:
            yield child, line


def bound_in_formula(tex: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, expression) of every \\v{...} in a formula; braces may nest."""
    for match in re.finditer(r"\\v\{", tex):
        depth, at = 1, match.end()
        while at < len(tex) and depth:
            depth += {"{": 1, "}": -1}.get(tex[at], 0)
            at += 1
        if depth:
            raise ValueError(f"\\v{{ is never closed in: {tex}")
        yield match.start(), at, tex[match.end() : at - 1].strip()


def fill_formula(tex: str, value: Callable[[str], str]) -> str:
    """The formula with every \\v{expression} replaced by `value(expression)`."""
    parts, at = [], 0
    for start, end, expression in bound_in_formula(tex):
        parts += [tex[at:start], value(expression)]
        at = end
    return "".join([*parts, tex[at:]])


def expressions(text: str) -> list[str]:
    """Every expression that a text binds to code, in order, each once."""
    found: dict[str, None] = {}
    for token, _ in walk(parse(text)):
        if token.type == "myst_role" and token.meta.get("name") == "v":
            found[token.content.strip()] = None
        elif token.type in MATH:
            found.update((e, None) for _, _, e in bound_in_formula(token.content))
        elif token.type == "fence" and box_kind(token):
            found.update((e, None) for e in expressions(token.content))
    return list(found)


def box_kind(token: Token) -> str | None:
    """`note`, `tip` or `warning` when the fence is one of the boxes, else None."""
    match = re.match(r"\{(\w+)\}", token.info.strip())
    return match.group(1) if match and match.group(1) in BOXES else None


def box_title(token: Token) -> str:
    return re.sub(r"^\{\w+\}", "", token.info.strip()).strip()
