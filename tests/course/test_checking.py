"""The checker: right, wrong and hostile programs each get a clear verdict."""

from __future__ import annotations

import time

import pytest

from gobhir.course.checking import check_exercise
from gobhir.course.exercises import Exercise, Test, Wrong
from gobhir.course.verdict import Verdict, format_verdict
from gobhir.lang import t

STEP = "def gd_step(w, lr):\n    return w - lr * 2 * w\n"


def text(word: str) -> dict[str, str]:
    return {"bn": f"{word} বাংলা", "en": word}


def exercise(*tests: tuple[str, object], wrong: tuple[Wrong, ...] = ()) -> Exercise:
    return Exercise(
        id="gd_step",
        difficulty="easy",
        title=text("step"),
        task=text("Write it"),
        stub="def gd_step(w, lr):\n    return w\n",
        solution=STEP,
        hints=(),
        tests=tuple(Test(text("task"), call, want, 1e-4, text("by hand")) for call, want in tests),
        wrong=wrong,
    )


PLUS = Wrong(
    "plus-sign", "def gd_step(w, lr):\n    return w + lr * 2 * w\n", text("minus, not plus"), None
)
STEPS = exercise(("gd_step(4.0, 0.1)", 3.2), ("gd_step(1.0, 0.5)", 0.0), wrong=(PLUS,))


def run(code: str, which: Exercise = STEPS, seconds: float = 5.0, lang: str = "en") -> Verdict:
    return check_exercise(which, code, lang, seconds=seconds)


def cause(code: str, which: Exercise = STEPS, **options: float) -> str:
    verdict = run(code, which, **options)
    assert not verdict.passed
    return next(task.cause for task in verdict.tasks if not task.ok)


def say(key: str, **values: object) -> str:
    return t(f"course.cause.{key}", "en", **values)


def test_a_right_program_passes():
    verdict = run(STEP)
    assert verdict.passed
    assert [task.ok for task in verdict.tasks] == [True, True]
    assert [task.got for task in verdict.tasks] == ["3.2", "0"]


def test_the_tolerance_is_the_stated_one():
    assert run("def gd_step(w, lr):\n    return w - lr * 2 * w + 0.00009\n").passed
    assert not run("def gd_step(w, lr):\n    return w - lr * 2 * w + 0.00011\n").passed


def test_a_listed_wrong_program_gets_its_own_message():
    verdict = run(
        "def gd_step(weight, rate):\n    grad = 2 * weight\n    return weight + rate * grad\n"
    )
    assert verdict.tasks[0].wrong == "plus-sign"
    assert verdict.tasks[0].cause == "minus, not plus"
    assert [task.wrong for task in verdict.tasks[1:]] == [""]


def test_another_wrong_program_does_not_get_it():
    assert run("def gd_step(w, lr):\n    return w + lr * 2 * w + 1\n").tasks[0].wrong == ""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def gd_step(w, lr):\n    return -(w - lr * 2 * w)\n", say("sign")),
        ("def gd_step(w, lr):\n    return 2 * (w - lr * 2 * w)\n", say("double")),
        ("def gd_step(w, lr):\n    return (w - lr * 2 * w) / 2\n", say("half")),
        ("def gd_step(w, lr):\n    return 7\n", say("different")),
        ("def gd_step(w, lr):\n    w - lr\n", say("none")),
        ("def gd_step(w, lr):\n    return 'w'\n", say("kind", got="a text", want="a number")),
        ("def gd_step(w, lr):\n    return float('nan')\n", say("nan_scalar")),
        ("def gd_step(w, lr):\n    return float('inf')\n", say("infinite")),
        ("def gd_step(w, lr):\n    return [w]\n", say("shape", got="(1,)", want="()")),
        ("def step(w, lr):\n    return w\n", say("missing", name="gd_step")),
        ("gd_step = 3\n", say("not_function", name="gd_step")),
        ("def gd_step(w, lr):\n    return w / 0\n", say("zero")),
        ("def gd_step(w, lr):\n    return lr * grad\n", say("name_error", name="grad")),
        ("def gd_step(w, lr):\n    return gd_step(w, lr)\n", say("recursion")),
        ("def gd_step(w, lr):\n    return input()\n", say("input")),
        ("import sys\nsys.exit(0)\n", say("exited")),
        ("def gd_step(w, lr):\n    import sys\n    sys.exit(0)\n", say("exited")),
        ("import os\nos._exit(0)\n", say("exited")),
        ("import os\nos.kill(os.getpid(), 9)\n", say("killed")),
    ],
)
def test_every_failure_has_one_plain_cause(code, expected):
    assert cause(code) == expected


def test_an_argument_too_few_is_said():
    assert "gd_step() takes 1 positional argument" in cause("def gd_step(w):\n    return w\n")


def test_a_syntax_error_names_its_line():
    verdict = run("def gd_step(w, lr):\n    return w -\n")
    assert "cannot be read" in verdict.tasks[0].cause
    assert verdict.tasks[0].line == 2
    assert verdict.tasks[0].where == "your code:2"


def test_an_error_names_the_learners_line_not_ours():
    verdict = run("import math\n\ndef gd_step(w, lr):\n    return math.sqrt(-w)\n")
    assert verdict.tasks[0].line == 4
    assert verdict.tasks[0].cause.startswith("ValueError")


def test_a_wrong_value_names_the_line_that_returned_it():
    assert run("def gd_step(w, lr):\n    step = lr\n    return step\n").tasks[0].line == 3


def test_an_endless_loop_is_stopped_and_its_line_named():
    started = time.monotonic()
    verdict = run("def gd_step(w, lr):\n    while True:\n        w = w\n", seconds=1.0)
    assert time.monotonic() - started < 10  # far less on a machine with nothing else to do
    assert verdict.tasks[0].cause == say("timeout", seconds="1")
    assert verdict.tasks[0].line in (2, 3)


@pytest.mark.slow
def test_a_loop_that_calls_off_the_alarm_is_stopped_too():
    code = "import faulthandler\nfaulthandler.cancel_dump_traceback_later()\nwhile True: pass\n"
    assert cause(code, seconds=0.5) == say("timeout", seconds="0.5")


@pytest.mark.slow
def test_what_was_right_before_the_loop_stays_right():
    code = "def gd_step(w, lr):\n    while w == 1.0: pass\n    return w - lr * 2 * w\n"
    verdict = run(code, seconds=1.0)
    assert [task.ok for task in verdict.tasks] == [True, False]
    assert verdict.tasks[1].cause == say("timeout", seconds="1")


def test_endless_output_is_cut():
    code = "def gd_step(w, lr):\n    while True:\n        print('x' * 1000)\n"
    verdict = run(code)
    assert verdict.tasks[0].cause == say("output", limit=20000)
    assert len(verdict.printed) <= 20000


def test_output_past_print_fills_nothing():
    code = "import os\nfor _ in range(1000): os.write(1, b'x' * 100000)\n" + STEP
    assert run(code).passed


def test_what_is_printed_is_kept():
    assert run("def gd_step(w, lr):\n    print('w =', w)\n    return w\n").printed == "w = 4.0\n"


def test_memory_has_a_limit():
    assert cause("def gd_step(w, lr):\n    return len(bytearray(4 << 30))\n") == say("memory")


def test_a_file_has_a_limit():
    code = "with open('big', 'wb') as file:\n    for _ in range(64): file.write(bytes(1 << 20))\n"
    assert cause(code + STEP).startswith("OSError")


def test_the_engine_is_there_for_the_asking():
    code = "def gd_step(w, lr):\n    w = gobhir.tensor(w, requires_grad=True)\n"
    code += "    (w * w).backward()\n    return (w - lr * w.grad).item()\n"
    assert run(code).passed


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import os\nos.fork()\n", "Starting another program"),
        ("import subprocess\nsubprocess.run(['true'])\n", "Starting another program"),
        ("import os\nos.system('true')\n", "Starting another program"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 9))\n", "The network"),
        ("import urllib.request\nurllib.request.urlopen('http://127.0.0.1')\n", "The network"),
        ("open('OUTSIDE/notes', 'w')\n", "Changing files outside the folder"),
        ("import os\nos.remove('OUTSIDE/notes')\n", "Changing files outside the folder"),
        ("import os\nos.symlink('OUTSIDE', 'x')\nopen('x/notes', 'w')\n", "Changing files"),
        ("try:\n    import os\n    os.fork()\nexcept Exception:\n    pass\n", "Starting another"),
    ],
)
def test_what_exercises_do_not_do_is_refused(code, what, tmp_path):
    notes = tmp_path / "notes"
    notes.write_text("mine")
    assert cause(code.replace("OUTSIDE", tmp_path.as_posix()) + STEP).startswith(what)
    assert notes.read_text() == "mine"


@pytest.mark.parametrize(
    "code",
    [
        "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.float = lambda x: 3.2\n",
        "import numpy as np\nnp.allclose = lambda *a, **k: True\nnp.abs = lambda x: 0\n",
        "import json\njson.dumps = lambda *a, **k: '{}'\n",
        "class Any(float):\n    def __eq__(self, other): return True\n"
        "    def __sub__(self, other): return 0.0\ndef gd_step(w, lr): return Any(9)\n",
        "import sys\nfor m in list(sys.modules.values()):\n"
        "    if hasattr(m, 'describe'): m.describe = lambda v: {'kind': 'number', 'value': 1}\n",
        "open('results.jsonl', 'w').write('nonsense')\n",
    ],
)
def test_changing_the_surroundings_does_not_pass(code):
    if "def gd_step" not in code:
        code += "def gd_step(w, lr):\n    return 9.0\n"
    verdict = run(code)
    assert not verdict.passed
    assert verdict.tasks[0].cause


def test_nothing_of_the_program_outlives_the_check(tmp_path):
    import psutil

    before = {process.pid for process in psutil.Process().children(recursive=True)}
    run(
        "import threading\nthreading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()\n"
        + STEP
    )
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before


MATRIX = exercise(("gd_step(np.ones((2, 3)), np.ones(2))", [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))


def test_a_product_that_does_not_fit_draws_both_shapes():
    said = cause("def gd_step(w, x):\n    z = w @ x\n    return z\n", MATRIX)
    assert said == say("matmul", left="(2, 3)", right="(2,)", a=3, b=2)


def test_a_sum_that_does_not_fit_draws_both_shapes():
    said = cause("def gd_step(w, x):\n    return w + x\n", MATRIX)
    assert said == say("broadcast", left="(2,3)", right="(2,)")


def test_nan_names_its_first_cell():
    code = "def gd_step(w, x):\n    w[1, 0] = float('nan')\n    return w\n"
    assert cause(code, MATRIX) == say("nan", place="[1, 0]")


def test_rows_and_columns_swapped_is_said():
    code = "def gd_step(w, x):\n    return [[1, 4], [2, 5], [3, 6]]\n"
    assert cause(code, MATRIX) == say("transposed")


def test_the_terminal_form_in_both_languages():
    verdict = run(PLUS.code, lang="bn")
    lines = format_verdict(verdict, "bn", "day10/ex2.py").splitlines()
    assert lines[0] == "✗ কাজ ১/২ · gd_step(4.0, 0.1)"
    assert [line.split(":", 1)[1].strip() for line in lines[1:6]] == [
        "4.8",
        "3.2   (±0.0001)",
        "minus, not plus বাংলা",
        "by hand বাংলা",
        "day10/ex2.py:2",
    ]
    assert lines[-1] == "০/২ মিলেছে"
    english = format_verdict(run(STEP), "en").splitlines()
    assert english == [
        "✓ Task 1/2 · gd_step(4.0, 0.1)",
        "✓ Task 2/2 · gd_step(1.0, 0.5)",
        "All right! All 2 tasks agree.",
    ]


def test_a_verdict_is_json():
    import json

    data = json.loads(json.dumps(run(STEP).to_json()))
    assert data["passed"] is True
    assert data["tasks"][0]["call"] == "gd_step(4.0, 0.1)"
