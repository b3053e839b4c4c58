"""The service: answers of every kind of model, and refusals that say what was expected."""

from __future__ import annotations

import io
import json
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import gobhir
from gobhir.deploy import About, Numbers, export
from gobhir.deploy.serve import body
from gobhir.deploy.serve.answer import classes, seen
from gobhir.deploy.serve.app import Service, service
from gobhir.deploy.serve.limits import Limits
from gobhir.deploy.serve.model import Served
from tests.deploy.serve_models import KINDS

LIMITS = Limits(max_body=60_000, max_side=400, max_pixels=90_000, max_numbers=2000, max_text=50)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {name: make(folder) for name, make in KINDS.items()}


@pytest.fixture(scope="module")
def clients(files: dict[str, Path]) -> Iterator[dict[str, TestClient]]:
    clients = {
        name: TestClient(Service(Served(path), LIMITS).app, base_url="http://localhost")
        for name, path in files.items()
    }
    for client in clients.values():
        client.__enter__()
    yield clients
    for client in clients.values():
        client.__exit__()


def png(size: tuple[int, int] = (40, 40), format: str = "PNG", **options: Any) -> bytes:
    picture = Image.new("RGB", size, "white")
    picture.paste((0, 0, 0), (size[0] // 2 - 3, 4, size[0] // 2 + 3, size[1] - 4))
    written = io.BytesIO()
    picture.save(written, format, **options)
    return written.getvalue()


def probabilities(said: dict) -> dict[str, float]:
    return {c["label"]: c["probability"] for c in said["classes"]}


def test_a_drawing_in_all_the_ways_it_can_come(clients: dict[str, TestClient]) -> None:
    client, body = clients["drawing"], png()
    pixels = [[0 if 17 <= x < 23 and 4 <= y < 36 else 255 for x in range(40)] for y in range(40)]
    answers = [
        client.post("/predict", content=body, headers={"content-type": "image/png"}),
        client.post("/predict", files={"file": ("a.png", body, "image/png")}),
        client.post("/predict", json={"pixels": pixels}),
    ]
    assert [a.status_code for a in answers] == [200] * 3
    said = [probabilities(a.json()) for a in answers]
    assert said[1] == pytest.approx(said[0]) and said[2] == pytest.approx(said[0])
    assert sum(said[0].values()) == pytest.approx(1) and len(said[0]) == 10
    assert list(said[0].values()) == sorted(said[0].values(), reverse=True)


def test_activations_on_request(clients: dict[str, TestClient]) -> None:
    send = {"content": png(), "headers": {"content-type": "image/png"}}
    said = clients["drawing"].post("/predict?activations=1", **send).json()["activations"]["1"]
    assert said["shape"] == [2, 6, 6] and [len(m) for m in said["maps"]] == [6, 6]
    assert min(map(min, said["maps"][0])) >= 0 and max(map(max, said["maps"][1])) <= 255
    assert "activations" not in clients["drawing"].post("/predict", **send).json()
    assert clients["drawing"].post("/predict?activations=2", **send).status_code == 422


def test_layers_from_their_smallest_number_to_their_largest() -> None:
    told = seen(np.array([[[2.0, 4.0], [np.inf, np.nan]], [[3.0, -np.inf], [2.0, 2.5]]]))
    assert (told["low"], told["high"]) == (2, 4)
    assert told["maps"] == [[[0, 255], [255, 0]], [[128, 0], [0, 64]]]
    assert seen(np.full(3, np.nan)) == {"shape": [3], "low": 0, "high": 0, "maps": [[[0, 0, 0]]]}
    assert classes(np.array([np.inf, 1.0]), "logits", ["a", "b"])[1]["probability"] is None


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "PNG"])
def test_pictures(clients: dict[str, TestClient], format: str) -> None:
    send = {"content": png(format=format), "headers": {"content-type": f"image/{format.lower()}"}}
    answer = clients["picture"].post("/predict?lang=en", **send)
    assert set(probabilities(answer.json())) == {"mango", "lychee"}
    assert sum(probabilities(answer.json()).values()) == pytest.approx(1)


def test_sentences(clients: dict[str, TestClient]) -> None:
    client = clients["text"]
    said = client.post("/predict", json={"text": "খুব ভালো!"}, headers={"accept-language": "bn"})
    assert said.json()["classes"][0]["label"] == "ভালো" and said.headers["content-language"] == "bn"
    plain = {"content-type": "text/plain; charset=utf-8", "accept-language": "fr, en;q=0.5"}
    said = client.post("/predict", content=b"Bad bad", headers=plain)
    assert said.json()["classes"][0]["label"] == "bad"
    assert said.json()["classes"][0]["probability"] > 0.99
    assert "note" not in said.json()


def test_a_sentence_of_which_nothing_or_not_all_was_read(clients: dict[str, TestClient]) -> None:
    def note(text: str, lang: str) -> str:
        return str(
            clients["text"].post(f"/predict?lang={lang}", json={"text": text}).json()["note"]
        )

    assert "the answer says nothing" in note("Quite dull", "en")
    assert "ট্রেনিংয়ে দেখা যায়নি" in note("মোটামুটি", "bn")
    assert note("good bad good bad good", "en") == "Only the first 4 of 5 pieces were read."
    assert note("ভালো " * 9, "bn").startswith("৯টা টুকরোর প্রথম ৪টাই")


def test_probabilities_are_as_sure_as_the_temperature_says(tmp_path: Path) -> None:
    model = gobhir.nn.Linear(2, 2, bias=False)
    with gobhir.no_grad():
        model.weight.copy_(gobhir.tensor([[0.0, 0.0], [1.0, 0.0]]))
    about = About(labels={"en": ["no", "yes"]}, input=Numbers(("a", "b")), temperature=2.0)
    path = export(model, gobhir.randn(2, 2), tmp_path / "model.onnx", about=about).path
    with TestClient(service(path).app, base_url="http://localhost") as client:
        found = client.post("/predict?lang=en", json={"numbers": [3, 0]}).json()
    assert probabilities(found)["yes"] == pytest.approx(1 / (1 + np.exp(-3 / 2)))


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"temperature": float("nan")}])
def test_a_temperature_is_above_nothing_and_for_logits_alone(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="temperature"):
        About(**wrong)
    with pytest.raises(ValueError, match="temperature"):
        About(gives="probabilities", temperature=2.0)


def test_numbers_by_place_and_by_name(clients: dict[str, TestClient]) -> None:
    for row in ([200, 4], {"rooms": 4, "area": 200.0}):
        said = clients["numbers"].post("/predict?lang=en", json={"numbers": row}).json()
        assert said["values"] == [{"label": "price", "value": pytest.approx(2 * 2 + 1 - 1)}]


def test_a_model_that_says_nothing_of_itself(clients: dict[str, TestClient]) -> None:
    send = {"inputs": {"input": [[1, 2, 3], [4, 5, 6.5]]}}
    said = clients["unknown"].post("/predict", json=send).json()
    assert said["outputs"] == {"output": {"shape": [2, 3], "values": [2, 4, 6, 8, 10, 13]}}
    page = clients["unknown"].get("/?lang=en").text
    assert "(n, 3) float32" in page and "does not say" in page


def refused(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"code", "message"} and error["message"]
    return error["message"]


@pytest.mark.parametrize(
    ("kind", "body", "status", "words"),
    [
        ("numbers", {"numbers": [1, 2, 3]}, 422, "2 .*3"),
        ("numbers", {"numbers": {"area": 1}}, 422, "rooms"),
        ("numbers", {"numbers": {"area": 1, "rooms": "x"}}, 422, "rooms.*string"),
        ("numbers", {"numbers": [1, None]}, 422, "numbers"),
        ("numbers", {"numbers": [1, True]}, 422, "numbers"),
        ("numbers", {"numbers": [1, 10**400]}, 422, "numbers"),
        ("numbers", {"numbers": [1, 1e39]}, 422, "float32"),
        ("numbers", {"rows": [1, 2]}, 422, "numbers.*rows"),
        ("numbers", [1, 2], 422, "numbers.*array"),
        ("unknown", {"inputs": {"input": [1, 2, 3]}}, 422, r"\(n, 3\).*\(3,\)"),
        ("unknown", {"inputs": {"input": [[1, 2], [3]]}}, 422, "equal"),
        ("unknown", {"inputs": {"input": [[0] * 3] * 700}}, 413, "2000.*2100"),
        ("text", {"text": 7}, 422, "string.*number"),
        ("text", {"text": "a" * 51}, 422, "50.*51"),
        ("drawing", {"pixels": [[0, 256]]}, 422, "255"),
        ("drawing", {"pixels": [[0, 0.5]]}, 422, "255"),
        ("drawing", {"pixels": [0, 1]}, 422, "height"),
        ("drawing", {"pixels": []}, 422, "height"),
        ("drawing", {"pixels": [[0] * 500]}, 413, "400"),
    ],
)
def test_what_does_not_fit_is_told_in_both_languages(
    clients: dict[str, TestClient], kind: str, body: Any, status: int, words: str
) -> None:
    told = {
        lang: clients[kind].post("/predict", json=body, headers={"accept-language": lang})
        for lang in ("en", "bn")
    }
    import re

    assert re.search(words, refused(told["en"], status))
    assert re.search("[\u0980-\u09ff]", refused(told["bn"], status))


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", JSON, 400),
        (b"", JSON, 400),
        (b'{"text": NaN}', JSON, 400),
        (b'{"text": "\xff"}', JSON, 400),
        (b'{"text": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", JSON, 422),
        (b'{"text": ' + b"[" * 9 + b"]" * 9 + b"}", JSON, 422),
        (b'{"text": "\\ud800"}', JSON, 200),
        (b'{"\\ud800": 1}', JSON, 422),
        (b"<a/>", {"content-type": "text/xml"}, 415),
        (b"{}", {}, 415),
        (b"{}", {"content-type": "application/json; charset=utf-16"}, 415),
        (b"x" * 60_001, JSON, 413),
        (b"x", {**JSON, "content-length": "1, 1"}, 400),
        (b"x", {**JSON, "content-length": "+1"}, 400),
        (b"x", {**JSON, "content-length": "2"}, 400),
        (b"x", {**JSON, "transfer-encoding": "chunked"}, 411),
        (iter([b"{}"]), JSON, 411),
        (b"{}", {**JSON, "host": "evil.example"}, 421),
        (b"{}", {**JSON, "sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_requests_that_are_none(
    clients: dict[str, TestClient], content: Any, headers: dict[str, str], status: int
) -> None:
    answer = clients["text"].post("/predict", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    if status != 200:
        refused(answer, status)


def bomb() -> bytes:
    """A PNG of two billion pixels in a hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 40_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", b"x" * 20) + chunk(b"IEND", b"")


def test_pictures_that_are_none(clients: dict[str, TestClient]) -> None:
    client, head = clients["picture"], {"content-type": "image/png"}
    for broken in (b"GIF89a" + bytes(50), png()[:60], b"", b"not a picture"):
        refused(client.post("/predict", content=broken, headers=head), 422)
    for large in (bomb(), png((401, 10)), png((350, 350))):
        assert "pixels" in refused(
            client.post("/predict?lang=en", content=large, headers=head), 413
        )
    refused(client.post("/predict", files={"other": png()}), 422)
    form = {"content-type": "multipart/form-data; boundary=x"}
    refused(client.post("/predict", content=b"--x\r\nbroken", headers=form), 422)
    refused(
        client.post("/predict", content=b"", headers={"content-type": form["content-type"][:19]}),
        400,
    )


def test_turned_and_transparent_pictures_are_set_right(files: dict[str, Path]) -> None:
    picture = body.picture
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    assert picture(png((30, 10), exif=exif), LIMITS).size == (10, 30)
    written = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(written, "PNG")
    assert picture(written.getvalue(), LIMITS).getpixel((1, 1)) == (255, 255, 255)
    deep = io.BytesIO()
    Image.new("I;16", (4, 4), 0x4000).save(deep, "PNG")
    assert picture(deep.getvalue(), LIMITS).getpixel((1, 1)) == (64, 64, 64)


def test_what_takes_too_long_to_decode(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(body, "_decoded", lambda *given: gate.wait(10))
    service = Service(Served(files["text"]), Limits(timeout=0.1))
    with TestClient(service.app, base_url="http://localhost") as client:
        refused(client.post("/predict", json={"text": "x" * body.QUICK}), 504)
        gate.set()


def test_pages_in_both_languages_without_foreign_or_inline_parts(
    clients: dict[str, TestClient],
) -> None:
    import re

    for kind, client in clients.items():
        for path in ("/", "/docs"):
            for lang in ("bn", "en"):
                answer = client.get(path, headers={"accept-language": lang})
                assert answer.status_code == 200 and f'<html lang="{lang}">' in answer.text
                policy = answer.headers["content-security-policy"]
                assert "unsafe" not in policy and "default-src 'none'" in policy
                assert not re.search(r"(src|href)=.(https?:)?//|style=|\son\w+=", answer.text)
                scripts = re.findall(r"<script([^>]*)>", answer.text)
                assert all("src=" in s or "application/json" in s for s in scripts), kind
                for used in re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text):
                    found = client.get(used)
                    assert found.status_code == 200 or used.startswith("/static/fonts/")
    for outside in ("/static/../app.py", "/static/page.html", "/static//etc/passwd", "/nothing"):
        assert clients["text"].get(outside).status_code == 404
    assert clients["text"].get("/predict").status_code == 405


def test_health_and_metrics(files: dict[str, Path]) -> None:
    with TestClient(Service(Served(files["text"])).app, base_url="http://localhost") as client:
        assert client.get("/health").json() == {"status": "live", "ready": True}
        for _ in range(3):
            client.post("/predict", json={"text": "good"})
        client.post("/predict", json={})
        metrics = client.get("/metrics").text
    assert 'gobhir_requests_total{path="/predict",status="200"} 3.0' in metrics
    assert 'gobhir_requests_total{path="/predict",status="422"} 1.0' in metrics
    assert "gobhir_batch_size_count 3.0" in metrics and "gobhir_queue_waiting 0.0" in metrics


def test_limits_are_checked() -> None:
    for wrong in ({"max_batch": 0}, {"timeout": 0}, {"max_wait_ms": -1}, {"timeout": float("nan")}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Limits(**wrong)


def test_the_description_of_the_api_is_valid_openapi(clients: dict[str, TestClient]) -> None:
    for client in clients.values():
        said = client.get("/openapi.json?lang=en").json()
        assert said["openapi"].startswith("3.1") and set(said["paths"]) >= {"/predict", "/health"}
        json.dumps(said)
