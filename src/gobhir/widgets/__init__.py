"""Moving pictures: one anywidget ES module each (frontend/widgets/), one Python class each.
Stands on engine, nn, optim, examples, derivation and lang; course and studio put the pictures into
their pages. page.py is a derivation that answers clicks in a notebook.
Start reading in moving.py and pictures/descent.py; the glass network's arithmetic is
frontend/widgets/glass/step.js.
"""

from gobhir.widgets import pictures
from gobhir.widgets.glass import GlassNetwork
from gobhir.widgets.page import Page
from gobhir.widgets.pictures import *  # noqa: F403 - each picture by its own name

__all__ = ["GlassNetwork", "Page", *pictures.__all__]
