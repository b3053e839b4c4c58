"""Moving pictures: one anywidget ES module each (frontend/widgets/), one Python class each.
Stands on engine, nn, examples and lang; course and studio put the pictures into their pages.
Start reading in glass.py; the picture's arithmetic is frontend/widgets/glass/step.js.
"""

from gobhir.widgets.glass import GlassNetwork

__all__ = ["GlassNetwork"]
