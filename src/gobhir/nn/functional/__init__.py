"""Layers and losses as plain functions, under the names of torch.nn.functional.
Stands on engine/ and lang/; the modules of nn/ and all above may import it.
Start reading in linear.py. What each function computes stands in engine/ops.
"""

from gobhir.nn.functional.activations import *
from gobhir.nn.functional.attention import *
from gobhir.nn.functional.conv import *
from gobhir.nn.functional.distance import *
from gobhir.nn.functional.dropout import *
from gobhir.nn.functional.embedding import *
from gobhir.nn.functional.fractional_pooling import *
from gobhir.nn.functional.likelihoods import *
from gobhir.nn.functional.linear import *
from gobhir.nn.functional.losses import *
from gobhir.nn.functional.margins import *
from gobhir.nn.functional.normalisation import *
from gobhir.nn.functional.padding import *
from gobhir.nn.functional.pooling import *
from gobhir.nn.functional.vision import *
