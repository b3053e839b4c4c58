"""The command `gobhir`: all texts from the catalogues, whatever goes wrong one sentence and exit 2.
It stands on all rooms. What a command needs is imported when it runs: `gobhir --help` is quick.
Start reading in line.py, then by_hand.py.
"""

from gobhir.cli.line import app, main

__all__ = ["app", "main"]
