"""Where a student's numbers are read from: a dict, a CSV file, a notebook, lines of text; and which
quantity each name means."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.derivation.expression import Index, Name, indices
from gobhir.explain.checking.marking import Place
from gobhir.explain.checking.sheet import Entry, Sheet
from gobhir.explain.checking.written import Written, number, plain, spelling, squeezed, timed
from gobhir.lang import say

MOST_ROWS = 100_000
_ALSO = {
    "yhat": ("yhat", "ypred", "ypredicted", "out", "output", "pred", "prediction", "o"),
    "l": ("l", "loss", "error", "e", "j", "cost", "c"),
    "delta": ("delta", "d", "dz", "dldz"),
    "eta": ("eta", "lr", "learningrate", "alpha"),
    "p": ("p", "softmax", "prob", "yhat"),
    "z": ("z", "net"),
}
_PARTIAL = ("d{}", "dld{}", "ded{}", "djd{}", "dcd{}", "dlossd{}", "grad{}", "g{}")


@dataclass(eq=False)
class Row:
    """One thing that was written. where: the place in a file, for messages, or ""."""

    name: str
    value: Any
    where: str = ""


@dataclass(eq=False)
class Paper:
    """What came in: the rows, and which worksheet they fill ("2-2-1/sigmoid/half/7"), if it is
    said."""

    rows: list[Row]
    worksheet: str = ""
    answers: dict[Place, Written] = field(default_factory=dict)


# -- reading files ----


def read(source: Any) -> Paper:
    """From a mapping; a path to a .csv or .ipynb file; or text with lines such as "z1_1 = 0.14".

    FileNotFoundError, ValueError: what was wrong, in which file and line.
    """
    if isinstance(source, Mapping):
        return Paper([Row(str(k), v) for k, v in source.items()])
    if isinstance(source, Path) or (
        isinstance(source, str) and "\n" not in source and _filed(source)
    ):
        return _file(Path(source).expanduser())
    if isinstance(source, str):
        return _text(source, "")
    raise TypeError(say("check.bad.source", type=type(source).__name__))


def _filed(text: str) -> bool:
    return "=" not in text and not text.strip().startswith("{")


def _file(path: Path) -> Paper:
    if path.is_dir():
        raise IsADirectoryError(say("check.bad.folder", path=str(path)))
    try:
        data = path.read_bytes()
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")  # what spreadsheets call Unicode text
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except FileNotFoundError:
        raise FileNotFoundError(say("check.bad.no_file", path=str(path))) from None
    except (UnicodeDecodeError, OSError):
        raise ValueError(say("check.bad.not_csv", path=str(path))) from None
    if "\0" in text:
        raise ValueError(say("check.bad.not_csv", path=str(path)))
    if path.suffix.lower() == ".ipynb":
        return _notebook(text, path)
    return _csv(text, path)


def _csv(text: str, path: Path) -> Paper:
    """Two columns, name and number; other columns are for people."""
    lines = text.splitlines()[:MOST_ROWS]
    if lines and re.fullmatch(r"sep=.", lines[0].strip()):  # a spreadsheet's own first line
        lines[0] = ""
    if text.count('"') % 2:
        n = next(n for n, line in enumerate(lines, 1) if line.count('"') % 2)
        raise ValueError(say("check.bad.quote", where=f"{path}:{n}: "))
    first = next((line for line in lines if line.strip()), "")
    sign = max(",;\t", key=first.count)
    if not first.count(sign):
        if "=" in first:
            return _text(text, str(path))
        raise ValueError(say("check.bad.not_csv", path=str(path)))
    paper = Paper([])
    name_at, value_at = 0, 1
    for n, cells in enumerate(csv.reader(io.StringIO("\n".join(lines)), delimiter=sign), 1):
        cells = [c.strip() for c in cells]
        where = f"{path}:{n}: "
        if not any(cells):
            continue
        if len(cells) < 2:
            raise ValueError(say("check.bad.one_column", where=where, text=cells[0], sign=sign))
        if sign == "," and len(cells) > 2 and _split(cells[value_at : value_at + 2]):
            raise ValueError(say("check.bad.comma", where=where, text=",".join(cells)))
        if plain(cells[0]).lower() in ("paper", "worksheet", "কাগজ"):
            paper.worksheet = cells[1]
        elif plain(cells[0]).lower() in ("name", "নাম", "quantity"):
            heads = [c.lower() for c in cells]
            value_at = next((heads.index(h) for h in ("value", "মান", "answer") if h in heads), 1)
        elif len(cells) > max(name_at, value_at) and cells[name_at] and cells[value_at]:
            paper.rows.append(Row(cells[name_at], cells[value_at], where))
    return paper


def _split(cells: list[str]) -> bool:
    """Whether this was one number with a decimal comma: 0,53."""
    return len(cells) == 2 and all(re.fullmatch(r"-?\d+", plain(c)) for c in cells)


def _notebook(text: str, path: Path) -> Paper:
    """Every dict of names and numbers in a code cell. Nothing is run."""
    try:
        cells = json.loads(text)["cells"]
        sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(say("check.bad.not_notebook", path=str(path))) from None
    paper = Paper([])
    for source in sources:
        source = "\n".join(line for line in source.splitlines() if not line.startswith(("%", "!")))
        try:
            tree = ast.parse(source)
        except SyntaxError as error:
            raise ValueError(
                say("check.bad.cell", path=str(path), line=error.lineno or 0, cell=source[:60])
            ) from None
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                paper.rows += _literal(node, str(path))
            named = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(named, ast.Name) and named.id in ("paper", "worksheet"):
                paper.worksheet = str(getattr(node.value, "value", ""))  # type: ignore[attr-defined]
    return paper


def _literal(node: ast.Dict, path: str) -> Iterator[Row]:
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            try:
                yield Row(key.value, ast.literal_eval(value), f"{path}: ")
            except ValueError:  # 0.5 * 0.2 or a variable: shown as it stands, for the message
                yield Row(key.value, ast.unparse(value), f"{path}: ")


def _text(text: str, path: str) -> Paper:
    """Lines "name = number"; of a chain the last number counts: z = 0.48 - 0.54 + 0.2 = 0.14."""
    paper = Paper([])
    parts = [p for line in text.splitlines() for p in re.split(r"[;]|,(?=\s*[^\W\d])", line)]
    for n, part in enumerate(parts, 1):
        name, sign, rest = part.partition("=")
        if sign and name.strip():
            where = f"{path}:{n}: " if path else ""
            paper.rows.append(Row(name.strip(), rest.rpartition("=")[2].strip(), where))
    return paper


# -- what the names mean ----


class Places:
    """Every quantity of a sheet by all the names that people give it."""

    def __init__(self, sheet: Sheet):
        self.sheet = sheet
        self.clear: dict[tuple[str, bool], list[tuple[Entry, Index | None]]] = {}
        self.loose: dict[tuple[str, bool], list[tuple[Entry, Index | None]]] = {}
        for entry in sheet.entries:
            if entry.phase != "between":
                self._enter(entry)

    def _enter(self, entry: Entry) -> None:
        part = _part(entry)
        layer = timed(_layer(entry)) + part
        stems = set(_stems(entry.name))
        for stem in stems | {stem + _kept_for(entry) for stem in stems}:
            self._put(self.clear, stem + layer, entry, None)
            for i in indices(entry.shape):
                at = "".join(str(k) for k in entry.at(i).name.index if isinstance(k, int))
                full = "".join(str(k + 1) for k in i) or "1"  # the only neuron is neuron 1
                self._put(self.clear, stem + layer + at, entry, i)
                self._put(self.loose, stem + layer + full, entry, i)
                if not part:
                    self._put(self.loose, stem + at, entry, i)
            if layer and not part:
                self._put(self.loose, stem, entry, None)

    def _put(self, into: Any, key: str, entry: Entry, index: Index | None) -> None:
        found = into.setdefault((squeezed(key), entry.new), [])
        if all(e is not entry or i != index for e, i in found):
            found.append((entry, index))

    def meant(self, row: Row) -> list[tuple[Entry, Index | None]]:
        """What the name means: one thing, or several if it is not clear, or none."""
        s = spelling(row.name)
        several = _several(row.value)
        many, size = several is not None, np.asarray(several, object).size
        for names in (self.clear, self.loose):
            found = names.get((s.key, s.new), [])
            if s.position is not None:
                wanted = s.position
                found = [
                    (e, p) for e, i in found if i is None and (p := _at(e, wanted)) is not None
                ]
            elif many:
                found = [(e, i) for e, i in found if i is None and e.shape]
                if len(found) > 1:  # the velocity of W1 and that of b1 are both called v1
                    found = [(e, i) for e, i in found if int(np.prod(e.shape)) == size] or found
            else:
                found = [(e, i) for e, i in found if i is not None]
            if found:
                return found
        return []

    def near(self, name: str) -> list[str]:
        """The canonical names that look like this one."""
        known = {squeezed(n): n for n in map(str, self.names())}
        return [known[k] for k in get_close_matches(spelling(name).key, known, n=4, cutoff=0.4)]

    def names(self) -> Iterator[str]:
        """What every number that is asked for is called in a file."""
        for entry in self.sheet.asked():
            for i in indices(entry.shape):
                yield written_name(entry, i)


def _at(entry: Entry, position: tuple[int, ...]) -> Index | None:
    """A position in brackets, from 0; a row of one may leave out its 0."""
    shape = entry.shape
    if not shape and not any(position):
        return ()
    if len(position) == len(shape) - 1 and shape[0] == 1:
        position = (0, *position)
    inside = len(position) == len(shape) and all(
        -n <= k < n for k, n in zip(position, shape, strict=True)
    )
    return tuple(k % n for k, n in zip(position, shape, strict=True)) if inside else None


def _stems(name: Name) -> Iterable[str]:
    small = (name.element or name.base).lower()
    if not name.partial:
        return {s for base in {small, name.base.lower()} for s in (base, *_ALSO.get(base, ()))}
    return {form.format(small) for form in _PARTIAL}


def _layer(entry: Entry) -> str:
    """Its number, as it stands in a name; what an optimizer keeps is the parameter's."""
    layer = entry.of.name.layer if entry.of is not None and _kept_for(entry) else entry.name.layer
    return "" if layer is None else str(layer)


def _kept_for(entry: Entry) -> str:
    """The parameter for which an optimizer keeps this: "w" or "b"; "" for anything else."""
    if entry.of is None or entry.phase not in ("update", "between"):
        return ""
    own, parameter = entry.name, entry.of.name
    return "" if own.base == parameter.base else (parameter.element or parameter.base).lower()


def _part(entry: Entry) -> str:
    """Which of several of the same letter: ih of W_ih, f of a<2>_f."""
    name = entry.of.name if entry.of is not None and _kept_for(entry) else entry.name
    return "".join(i for i in name.index if isinstance(i, str) and i != "new")


_TYPED = str.maketrans("⟨⟩", "<>")


def written_name(entry: Entry, index: Index) -> str:
    """The name of one element in a file: z1_2, dw1_12, w1_12_new, m_w1_12_new, yhat."""
    n = entry.at(index).name
    layer = _layer(entry).translate(_TYPED)
    layer += "_" * bool(_part(entry)) + _part(entry)
    counted = [str(k) for k in n.index if isinstance(k, int)]
    joint = "" if all(len(k) == 1 for k in counted) else "_"
    tail = [joint.join(counted)] if counted else []
    kept = _kept_for(entry)
    head = f"{'d' if n.partial else ''}{n.element or n.base}{kept and '_' + kept}{layer}"
    return "_".join([head, *tail, *(["new"] if entry.new else [])])


def placed(paper: Paper, sheet: Sheet) -> dict[Place, Written]:
    """Which number stands for which quantity. A parameter called without "new" is the given one
    if it has its value, else the updated one.

    ValueError for a cell without a number, an unknown or unclear name, a wrong count of numbers.
    """
    places = Places(sheet)
    out: dict[Place, Written] = {}
    for row in paper.rows:
        if row.value is None or (isinstance(row.value, str) and not row.value.strip(" _.…")):
            continue
        found = places.meant(row)
        if not found:
            near = ", ".join(places.near(row.name)) or ", ".join(list(places.names())[:6])
            raise ValueError(say("check.bad.name", where=row.where, name=row.name, near=near))
        if len({e for e, _ in found}) > 1:
            both = ", ".join(written_name(e, i or (0,) * len(e.shape)) for e, i in found)
            raise ValueError(say("check.bad.unclear", where=row.where, name=row.name, meant=both))
        entry, index = found[0]
        for i, w in _numbers(row, entry, index):
            target = sheet.updated(entry) if entry.given == "parameter" else None
            own = entry.sym.value[i] if i else entry.sym.value
            place = entry, i
            if target is not None and abs(w.value - own) > w.unit / 2:
                place = target, i
            if place in out and out[place].value != w.value:
                name, one, other = written_name(*place), out[place].value, w.value
                values = {"name": name, "one": str(one), "other": str(other)}
                raise ValueError(say("check.bad.twice", where=row.where, **values))
            out[place] = w
    return out


def _numbers(row: Row, entry: Entry, index: Index | None) -> Iterator[tuple[Index, Written]]:
    several = _several(row.value)
    if index is not None and several is None:
        yield index, _one(row, row.value)
        return
    values = np.asarray(several, object)
    flat = values.ravel()
    if flat.size != int(np.prod(entry.shape)) or (values.ndim > 1 and values.shape != entry.shape):
        got, want = str(values.shape), str(entry.shape)
        raise ValueError(say("check.bad.shape", where=row.where, name=row.name, got=got, want=want))
    for i, v in zip(indices(entry.shape), flat, strict=True):
        if v is not None and v != "":
            yield i, _one(row, v)


def _several(value: Any) -> Any:
    """The numbers of a list, an array, a tensor or "[0.1, 0.2]"; None for a single one."""
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, str) and value.strip().startswith("["):
        inside = re.sub(r"[\[\]]", " ", plain(value))
        return [v for v in re.split(r"[\s;,]+", inside) if v]
    return None


def _one(row: Row, value: Any) -> Written:
    w = number(value)
    if w is None:
        raise ValueError(say("check.bad.number", where=row.where, name=row.name, text=str(value)))
    return w
