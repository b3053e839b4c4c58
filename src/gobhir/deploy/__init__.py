"""Deployment: a trained model as one ONNX file, smaller and quicker, and a service that runs it.
Stands on training/ and evaluation/; projects/ and the command line may import it. onnx, PyTorch and
the web server are imported only when they are needed. Start reading in export.py, then about.py.
"""

from gobhir.deploy.about import About, Drawing, Numbers, Picture, Text
from gobhir.deploy.compare import Comparison, compare
from gobhir.deploy.export import Exported, export
from gobhir.deploy.prune import Masks, prune, prune_channels, prune_in_steps
from gobhir.deploy.quantise import quantise

__all__ = [
    "About",
    "Comparison",
    "Drawing",
    "Exported",
    "Masks",
    "Numbers",
    "Picture",
    "Text",
    "compare",
    "export",
    "prune",
    "prune_channels",
    "prune_in_steps",
    "quantise",
]
