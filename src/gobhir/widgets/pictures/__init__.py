"""The moving pictures of the course, one file each: knobs, and a scene with the engine's numbers.
Its twin for the page is frontend/widgets/pictures/ under the same name, its words stand in
lang/*/pictures.toml; what `__all__` names here is tested against its twin. Start in descent.py.
"""

from gobhir.widgets.pictures.activations import Activations
from gobhir.widgets.pictures.batches import Batches
from gobhir.widgets.pictures.descent import Descent
from gobhir.widgets.pictures.linear_map import LinearMap
from gobhir.widgets.pictures.losses import Losses
from gobhir.widgets.pictures.matrices import MatrixProduct
from gobhir.widgets.pictures.normal import NormalCurve
from gobhir.widgets.pictures.overfitting import Overfitting
from gobhir.widgets.pictures.perceptron import Perceptron
from gobhir.widgets.pictures.race import Race
from gobhir.widgets.pictures.slope import Slope

__all__ = [
    "Activations",
    "Batches",
    "Descent",
    "LinearMap",
    "Losses",
    "MatrixProduct",
    "NormalCurve",
    "Overfitting",
    "Perceptron",
    "Race",
    "Slope",
]
