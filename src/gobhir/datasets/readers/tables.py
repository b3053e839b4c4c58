"""Tables: CSV and TSV, with the line of whatever is wrong.

Python's csv splits the rows (RFC 4180, strictly); the checks are ours, since they have to name
line, column and byte.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gobhir.datasets.catalogue import Entry
from gobhir.lang import say

if TYPE_CHECKING:
    from pandas import DataFrame

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
"""What stands for a missing value, in small letters."""
GAPS = ("keep", "refuse")
LONGEST_CELL = 10_000_000
Rows = list[tuple[int, list[str]]]


def read_table(
    path: str | Path,
    columns: Sequence[str] = (),
    numeric: Sequence[str] = (),
    missing: str = "keep",
) -> DataFrame:
    """A CSV or TSV file (by its suffix) with a line of names, as a DataFrame.

    columns: those that have to be there. numeric: those that have to be numbers; any other column
        is one of numbers where all of its values are. Bangla digits are digits.
    missing: "keep" makes NaN (in a column of words: None) of an empty or NA cell; "refuse"
        refuses it in `columns` and `numeric`.
    ValueError: the file is no table; says in which line, and why.
    """
    import pandas

    path = Path(path)
    if missing not in GAPS:
        raise ValueError(say("datasets.table.gaps", missing=missing, known=", ".join(GAPS)))
    names, rows = read_rows(path)
    for name in (*columns, *numeric):
        if name not in names:
            raise ValueError(_no_column(path, name, names))
    needed = {*columns, *numeric}
    data = {}
    for k, name in enumerate(names):
        cells = [(line, row[k].strip()) for line, row in rows]
        if missing == "refuse" and name in needed:
            _refuse_gaps(path, name, cells)
        data[name] = _values(path, name, cells, name in numeric)
    return pandas.DataFrame(data)


def read_rows(path: Path) -> tuple[list[str], Rows]:
    """The names in the first line, and (line, cells) of each row; all rows are equally long."""
    tab = path.suffix.lower() in (".tsv", ".tab")
    # Not splitlines: a cell may hold characters such as U+2028, which end no line of a table.
    rows = list(_split(path, io.StringIO(read_text(path), newline=""), "\t" if tab else ","))
    if not rows:
        raise ValueError(say("datasets.table.empty", path=path))
    names = [name.strip() for name in rows[0][1]]
    for k, name in enumerate(names):
        if not name:
            raise ValueError(say("datasets.table.unnamed", path=path, number=k + 1))
        if name in names[:k]:
            raise ValueError(say("datasets.table.twice", path=path, name=name))
    for line, row in rows[1:]:
        if len(row) != len(names):
            told = {"line": line, "got": len(row), "want": len(names)}
            raise ValueError(say("datasets.table.ragged", path=path, **told))
    return names, rows[1:]


def read_text(path: Path) -> str:
    """The text of a UTF-8 file (with or without a byte order mark), its line ends as they are."""
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise FileNotFoundError(say("datasets.no_file", path=path, reason=reason)) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder counts from behind the mark that it has taken away.
        start = error.start + (len(data) - len(error.object))
        line = data.count(b"\n", 0, start) + 1
        told = {"line": line, "byte": start, "value": f"0x{data[start]:02x}"}
        raise ValueError(say("datasets.table.not_utf8", path=path, **told)) from error


def _split(path: Path, lines: Iterable[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    old = csv.field_size_limit(LONGEST_CELL)
    rows = csv.reader(lines, delimiter=separator, strict=True)
    line = 1
    try:
        for row in rows:
            if len(row) > 1 or (row and row[0].strip()):  # else it is an empty line
                yield line, row
            line = rows.line_num + 1
    except csv.Error as error:
        raise ValueError(
            say("datasets.table.quotes", path=path, line=line, reason=error)
        ) from error
    finally:
        csv.field_size_limit(old)


def _no_column(path: Path, name: str, names: list[str]) -> Any:
    close = difflib.get_close_matches(name.lower(), [n.lower() for n in names], n=1)
    meant = [n for n in names if close and n.lower() == close[0]]
    known = ", ".join(names)
    if len(names) == 1 and any(mark in known for mark in ";\t|,"):
        return say("datasets.table.separator", path=path, name=name, known=known)
    if meant:
        return say(
            "datasets.table.no_column_close", path=path, name=name, close=meant[0], known=known
        )
    return say("datasets.table.no_column", path=path, name=name, known=known)


def _refuse_gaps(path: Path, name: str, cells: list[tuple[int, str]]) -> None:
    gaps = [line for line, cell in cells if cell.lower() in MISSING]
    if gaps:
        told = {"name": name, "line": gaps[0], "count": len(gaps), "rows": len(cells)}
        raise ValueError(say("datasets.table.missing", path=path, **told))


def _values(path: Path, name: str, cells: list[tuple[int, str]], numeric: bool) -> list[Any]:
    numbers: list[float] = []
    for line, cell in cells:
        if cell.lower() in MISSING:
            numbers.append(math.nan)
            continue
        try:
            number = float(cell)
        except ValueError:
            number = math.inf
        if math.isinf(number):
            if numeric:
                told = {"name": name, "line": line, "text": cell[:40]}
                raise ValueError(say("datasets.table.not_number", path=path, **told))
            return [None if cell.lower() in MISSING else cell for _, cell in cells]
        numbers.append(number)
    if numbers and all(n.is_integer() and abs(n) < 2**53 for n in numbers):
        return [int(n) for n in numbers]
    return numbers


def read_set(card: Entry, paths: dict[str, Path]) -> dict[str, Any]:
    """The table `options.table`; its column `options.date`, if any, as dates (`options.form`)."""
    import pandas

    options = card.options
    path = paths[options["table"]]
    frame = read_table(path, columns=options["columns"])
    if "date" in options:
        try:
            dates = pandas.to_datetime(frame[options["date"]].astype(str), format=options["form"])
        except ValueError as error:
            told = {"name": options["date"], "reason": error}
            raise ValueError(say("datasets.table.date", path=path, **told)) from error
        frame[options["date"]] = dates
    return {"frame": frame}
