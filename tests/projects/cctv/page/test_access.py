"""Passwords, sessions, and patience with those who guess."""

from __future__ import annotations

import hashlib
import stat
import sys
from pathlib import Path

import pytest

from gobhir.projects.cctv.clock import SetClock
from gobhir.projects.cctv.page.access import FREE, LASTS, Access, fits, kept, set_password
from tests.projects.cctv.page.conftest import PASSWORD


def test_only_the_hash_is_kept(tmp_path: Path) -> None:
    set_password(tmp_path, PASSWORD)
    line = kept(tmp_path)
    assert PASSWORD not in line and fits(line, PASSWORD)
    assert not fits(line, PASSWORD + " ") and not fits(line, "") and not fits("", "")
    kind, n, r, p, salt, known = line.split("$")
    assert kind == "scrypt" and int(n) * int(r) * 128 >= 32 * 2**20
    own = hashlib.scrypt(
        PASSWORD.encode(), salt=bytes.fromhex(salt), n=int(n), r=int(r), p=int(p),
        maxmem=2**27, dklen=32,
    )  # fmt: skip
    assert own.hex() == known
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "cctv.password").stat().st_mode) == 0o600
    assert kept(tmp_path / "elsewhere") == ""


def test_short_ones_are_refused_and_salts_differ(tmp_path: Path, cheap) -> None:
    with pytest.raises(ValueError, match="10"):
        set_password(tmp_path, "x" * 9)
    assert kept(tmp_path) == ""
    set_password(tmp_path, PASSWORD)
    first = kept(tmp_path)
    set_password(tmp_path, PASSWORD)
    assert kept(tmp_path) != first


def test_a_session_ends_by_time_by_leaving_and_with_the_password(tmp_path: Path, cheap) -> None:
    clock = SetClock()
    set_password(tmp_path, PASSWORD)
    access = Access(tmp_path, True, clock)
    assert access.session("") is None
    tokens = [access.enter(PASSWORD, "10.0.0.9")[0] for _ in range(3)]
    assert len(set(tokens)) == 3 and all(map(access.session, tokens))
    access.leave(tokens[0])
    assert access.session(tokens[0]) is None and access.session(tokens[1])
    clock.sleep(LASTS + 1)
    assert access.session(tokens[1]) is None
    token = access.enter(PASSWORD, "10.0.0.9")[0]
    set_password(tmp_path, PASSWORD + "!")
    assert access.session(token) is None


def test_who_guesses_waits_longer_each_time_and_others_do_not(tmp_path: Path, cheap) -> None:
    clock = SetClock()
    set_password(tmp_path, PASSWORD)
    access = Access(tmp_path, True, clock)
    for _ in range(FREE):
        assert access.enter("wrong", "10.0.0.9")[1].key == "dashboard.login.wrong"
    assert access.enter(PASSWORD, "10.0.0.9")[1].key == "dashboard.login.wait"
    assert access.enter(PASSWORD, "10.0.0.8")[1] is None
    clock.sleep(1.1)
    assert access.enter("wrong", "10.0.0.9")[1].key == "dashboard.login.wrong"
    clock.sleep(1.1)
    assert access.enter(PASSWORD, "10.0.0.9")[1].key == "dashboard.login.wait"
    clock.sleep(1.0)
    assert access.enter(PASSWORD, "10.0.0.9")[1] is None
    # one network of IPv6 is one client
    for k in range(FREE):
        access.enter("wrong", f"2001:db8::{k}")
    assert access.enter(PASSWORD, "2001:db8::99")[1].key == "dashboard.login.wait"
    assert access.enter(PASSWORD, "2001:db8:1::99")[1] is None
