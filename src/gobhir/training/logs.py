"""Logs: what the history says, written down epoch by epoch while training runs. A run that is
killed leaves all rows that had ended; one that goes on from its checkpoint writes none twice."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gobhir.serialization import not_written, replace
from gobhir.training.callbacks import Callback
from gobhir.training.history import History, Row

if TYPE_CHECKING:
    from gobhir.training.run import Run


class CSVLog(Callback):
    """A table at `path`, one row an epoch, with the columns of the history.

    A run from the start begins the file anew; one that goes on from a checkpoint keeps the rows
    up to there.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        self._columns: list[str] = []

    def on_fit_begin(self, run: Run) -> None:
        self._columns = []
        if run.first:
            self._write_anew(run.history.rows)

    def on_epoch_end(self, run: Run) -> None:
        if not run.first:
            return
        if not set(run.row) <= set(self._columns):
            return self._write_anew(run.history.rows)
        try:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                self._table(file).writerow(run.row)
        except OSError as trouble:
            raise not_written(self.path, trouble) from None

    def _write_anew(self, rows: list[Row]) -> None:
        """The whole file, in the old one's place only when it is complete."""
        self._columns = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO(newline="")
        table = self._table(text)
        if rows:
            table.writeheader()
        table.writerows(rows)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as trouble:
            raise not_written(self.path, trouble) from None
        replace(self.path, text.getvalue().encode())

    def _table(self, file: IO[str]) -> csv.DictWriter[str]:
        return csv.DictWriter(file, self._columns, lineterminator="\n")


def read_log(path: str | os.PathLike[str]) -> History:
    """The history that a CSVLog wrote. FileNotFoundError where there is none."""
    with open(path, encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    return History([{name: float(value) for name, value in row.items() if value} for row in table])


class TensorBoardLog(Callback):
    """Curves for TensorBoard in `folder`: `tensorboard --logdir FOLDER` shows them. Training and
    validation of the same measure stand in one picture.

    ImportError where PyTorch, whose writer it is, or tensorboard is not there.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        self._writer: Any = None

    def on_fit_begin(self, run: Run) -> None:
        if run.first:
            from gobhir.training.backends.tensorboard import writer

            # What was written after the checkpoint from which this run goes on is not shown.
            try:
                self._writer = writer(self.folder, run.epoch + 1 if run.resumed else None)
            except OSError as trouble:
                raise not_written(self.folder, trouble) from None

    def on_epoch_end(self, run: Run) -> None:
        if self._writer is not None:
            for name, value in run.row.items():
                if name not in ("epoch", "seconds"):
                    self._writer.add_scalar(_tag(name), value, run.epoch)
            self._writer.flush()

    def on_fit_exit(self, run: Run, trouble: BaseException | None) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _tag(column: str) -> str:
    """val_loss -> loss/validation; TensorBoard puts together what stands before the stroke."""
    bare = column.removeprefix("val_")
    if bare == "lr":
        return bare
    return f"{bare}/validation" if bare != column else f"{bare}/training"
