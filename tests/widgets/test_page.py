"""A derivation in a notebook: what a real kernel shows for it, and what it answers."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

import gobhir
from gobhir.lang import LANGUAGES
from gobhir.widgets import Page
from gobhir.widgets import page as live

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def page() -> Any:
    return gobhir.explain("4-4-1")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_answers_as_why_does(page: Any, lang: str) -> None:
    told = Page(page, lang).answer("0[1]")
    assert r"z^{(1)}_{2}" in told["html"] and "-0.33" in told["html"]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("question", ["nothing[0]", "0[9]", "0.weight[1]", "", "x[0].change"])
def test_what_cannot_be_answered_is_said_in_the_pages_language(
    page: Any, lang: str, question: str
) -> None:
    trouble = Page(page, lang).answer(question)["trouble"]
    assert trouble and ("এই ধাপে" in trouble or "ইনডেক্স" in trouble) == (lang == "bn")


def test_outside_of_a_notebook_a_page_stays_plain(page: Any) -> None:
    assert set(page._repr_mimebundle_()) == {"text/markdown", "text/plain"}


def test_without_the_bundled_front_end_a_notebook_gets_the_plain_page(
    page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel=True))
    monkeypatch.setattr("gobhir.derivation.web.STATIC", Path("/no/such/folder"))
    live._style.cache_clear()
    assert live.shown(page) is None
    assert set(page._repr_mimebundle_()) == {"text/markdown", "text/plain"}
    live._style.cache_clear()


@pytest.fixture(scope="module")
def kernel() -> Iterator[Any]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def messages(client: Any, until_idle_of: str) -> Iterator[dict[str, Any]]:
    while True:
        try:
            message = client.get_iopub_msg(timeout=120)
        except queue.Empty:
            raise AssertionError("the kernel said nothing") from None
        if message["parent_header"].get("msg_id") != until_idle_of:
            continue
        if message["msg_type"] == "error":
            raise AssertionError("\n".join(message["content"]["traceback"]))
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return
        yield message


@pytest.mark.slow
def test_an_explanation_alone_on_the_last_line_is_alive(kernel: Any) -> None:
    """The output is a widget, with the plain page beside it for where no kernel is; a click's
    message is answered by the line of that number."""
    code = "import gobhir\ne = gobhir.explain('4-4-1')\ne"
    said = list(messages(kernel, kernel.execute(code)))
    data = next(m["content"]["data"] for m in said if m["msg_type"] == "execute_result")
    assert data["text/markdown"].startswith("# ") and WIDGET in data
    model = data[WIDGET]["model_id"]
    opened = next(
        m for m in said if m["msg_type"] == "comm_open" and m["content"]["comm_id"] == model
    )
    state = opened["content"]["data"]["state"]
    assert "data-asks" in state["html"] and "export default" in state["_esm"]

    asked = {"method": "custom", "content": {"id": 7, "ask": "0[1]"}}
    message = kernel.session.msg("comm_msg", {"comm_id": model, "data": asked})
    kernel.shell_channel.send(message)
    answers = [
        m for m in messages(kernel, message["header"]["msg_id"]) if m["msg_type"] == "comm_msg"
    ]
    content = answers[-1]["content"]["data"]["content"]
    assert content["id"] == 7 and "-0.33" in content["html"]
    assert json.dumps(content)


@pytest.mark.slow
def test_a_why_is_alive_too(kernel: Any) -> None:
    said = list(messages(kernel, kernel.execute("e.why('0.weight[1, 2]')")))
    data = next(m["content"]["data"] for m in said if m["msg_type"] == "execute_result")
    assert WIDGET in data and "text/markdown" in data
