"""The moving pictures of a lesson. They are made with the page: their words are not stored."""

from __future__ import annotations

import ast
from typing import Any


def read_make(make: str) -> tuple[str, list[Any], dict[str, Any]]:
    """`gobhir.widgets.GlassNetwork(lr=0.5)` as its name and plain values. ValueError otherwise:
    a page that is being shown runs no other code of the lesson."""
    try:
        call = ast.parse(make, mode="eval").body
        if not isinstance(call, ast.Call):
            raise ValueError(make)
        module, _, name = ast.unparse(call.func).rpartition(".")
        if module != "gobhir.widgets":
            raise ValueError(make)
        values = [ast.literal_eval(arg) for arg in call.args]
        named = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
    except (SyntaxError, ValueError, TypeError):
        wish = "gobhir.widgets.NAME(plain values)"
        raise ValueError(f"a picture is made by {wish}, not by {make!r}") from None
    return name, values, named


def picture(make: str) -> Any:
    """The widget: it gives `page_state(lang)` and `fallback_svg(lang)`."""
    from gobhir import widgets

    name, values, named = read_make(make)
    made = getattr(widgets, name, None)
    if made is None:
        raise ValueError(f"there is no gobhir.widgets.{name}")
    return made(*values, **named)
