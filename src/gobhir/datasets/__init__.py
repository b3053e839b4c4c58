"""Real data: a catalogue (what, where from, licence, checksum), and `load`, which finds or fetches.
Stands on lang and learner alone, so that every room with data may import it.
Start reading in datasets.toml, then loading.py.
"""

from gobhir.datasets.archives import unpack
from gobhir.datasets.catalogue import Entry, catalogue, entry
from gobhir.datasets.dataset import Dataset
from gobhir.datasets.loading import load
from gobhir.datasets.readers.pictures import TooLarge, open_picture, read_picture
from gobhir.datasets.readers.tables import read_table

__all__ = [
    "Dataset",
    "Entry",
    "TooLarge",
    "catalogue",
    "entry",
    "load",
    "open_picture",
    "read_picture",
    "read_table",
    "unpack",
]
