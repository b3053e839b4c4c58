"""Projects: real data, a model, honest numbers, something that runs; each a package of its own.
They stand on all rooms; cli/ and lessons may import them, nothing else does. PyTorch and the like
are imported when a verb runs. Start reading in project.py, then in the project that you like best.
"""

from gobhir.projects.project import Project, projects
from gobhir.projects.settings import Settings, setting

__all__ = ["Project", "Settings", "projects", "setting"]
