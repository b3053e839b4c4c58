"""The two languages: sentence catalogues (bn, en) and how numbers are written in prose.
Imports nothing of Gobhir; every other room may import it.
Start reading in catalogue.py, then look at bn/rules.toml beside en/rules.toml.
"""

from gobhir.lang.catalogue import (
    LANGUAGES,
    Message,
    Place,
    catalogue,
    check_language,
    language,
    place,
    say,
    t,
    use_language,
    warn,
)
from gobhir.lang.numbers import Count, counted, digits

__all__ = [
    "LANGUAGES",
    "Count",
    "Message",
    "Place",
    "catalogue",
    "check_language",
    "counted",
    "digits",
    "language",
    "place",
    "say",
    "t",
    "use_language",
    "warn",
]
