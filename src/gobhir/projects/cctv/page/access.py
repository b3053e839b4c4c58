"""Who may see the cameras: one password, kept as a hash; sessions; patience with who guesses."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gobhir.lang import Message, say
from gobhir.projects.cctv.clock import Clock, SystemClock
from gobhir.projects.settings import write

FILE = "cctv.password"
COST = 2**15, 8, 3
"""scrypt's n, r, p, as OWASP's sheet on storing passwords (2024) recommends: 32 MB, a fifth of a
second or so."""
LEAST = 10
"""Characters of a password."""
LASTS = 12 * 3600.0
"""Seconds of a session."""
FREE = 5
"""Wrong guesses from one address before it has to wait."""
LONGEST = 300.0


def set_password(folder: Path, password: str) -> None:
    """Keep its hash in the folder. ValueError for one that is too short."""
    if len(password) < LEAST:
        raise ValueError(say("dashboard.login.short", least=LEAST))
    salt = secrets.token_bytes(16)
    cost = "$".join(map(str, COST))
    path = folder / FILE
    write(path, f"scrypt${cost}${salt.hex()}${_hash(password, salt, *COST).hex()}\n")
    with suppress(OSError):
        os.chmod(path, 0o600)


def kept(folder: Path) -> str:
    """The line that is kept of the password; "" where none was made."""
    try:
        return (folder / FILE).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(say("dashboard.login.broken", path=folder / FILE, reason=error)) from None


def fits(line: str, password: str) -> bool:
    """Whether it is the password of which `kept` gave this line."""
    try:
        kind, n, r, p, salt, known = line.split("$")
        if kind != "scrypt":
            return False
        found = _hash(password, bytes.fromhex(salt), int(n), int(r), int(p))
        return secrets.compare_digest(found, bytes.fromhex(known))
    except ValueError:
        return False


def _hash(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    text = password.encode("utf-8", "surrogatepass")
    most = 128 * r * (n + p + 2) + 2**20
    return hashlib.scrypt(text, salt=salt, n=n, r=r, p=p, maxmem=most, dklen=32)


@dataclass(frozen=True)
class Session:
    """A browser that was let in. xsrf: what its writes have to carry; line: of the password."""

    xsrf: str
    until: float
    line: str


@dataclass
class Access:
    """Who is let in to a folder's cameras. needed: whether a password is asked."""

    folder: Path
    needed: bool
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        self._open = Session(secrets.token_urlsafe(32), float("inf"), "")
        self._sessions: dict[str, Session] = {}
        self._failures: dict[str, tuple[int, float]] = {}
        self._one = threading.Lock()

    def session(self, token: str) -> Session | None:
        """The session of a cookie; for a page that asks for no password the one that all have."""
        if not self.needed:
            return self._open
        found = self._sessions.get(token)
        if found is None or found.until < self.clock.monotonic():
            return None
        return found if found.line == kept(self.folder) else None  # the password was changed

    def enter(self, password: str, address: str) -> tuple[str, Message | None]:
        """A new session's token, or "" and why there is none."""
        where, now = _where(address), self.clock.monotonic()
        tries, until = self._failures.get(where, (0, 0.0))
        if now < until:
            return "", say("dashboard.login.wait", seconds=max(1, round(until - now)))
        if not self._one.acquire(blocking=False):  # each try costs 32 MB: one at a time
            return "", say("dashboard.login.wait", seconds=1)
        try:
            line = kept(self.folder)
            right = fits(line, password[:1000])
        finally:
            self._one.release()
        if not right:
            tries += 1
            wait = min(2.0 ** (tries - FREE), LONGEST) if tries >= FREE else 0.0
            if len(self._failures) >= 1000:
                self._failures.pop(next(iter(self._failures)))
            self._failures[where] = tries, now + wait
            return "", say("dashboard.login.wrong")
        self._failures.pop(where, None)
        alive = {k: s for k, s in self._sessions.items() if s.until > now}
        token = secrets.token_urlsafe(32)
        self._sessions = alive | {token: Session(secrets.token_urlsafe(32), now + LASTS, line)}
        return token, None

    def leave(self, token: str) -> None:
        self._sessions.pop(token, None)


def _where(address: str) -> str:
    """A client; of IPv6 its network, since a client has addresses without end there."""
    with suppress(ValueError):
        found = ipaddress.ip_address(address.partition("%")[0])
        if found.version == 6 and found.ipv4_mapped is None:
            return str(ipaddress.ip_network(f"{found}/64", strict=False))
    return address
