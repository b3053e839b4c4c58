"""Loss functions: how wrong the answer is, as one number.

Formulas and defaults: https://docs.pytorch.org/docs/stable/nn.html#loss-functions
"""

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.elementary import abs, where
from gobhir.engine.ops.reductions import mean, sum
from gobhir.lang import say
