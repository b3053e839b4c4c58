"""What forward keeps for its pullback, and for nobody else.

It is one more result of the op, written as whole numbers of the same bits: whole numbers carry no
gradient.
"""

import numpy as np


def memo(array):
    """The same memory under a dtype of whole numbers."""
    return array.view(np.dtype(f"i{array.itemsize}"))


def remembered(kept, dtype):
    """What `memo` was given."""
    return kept.view(dtype)
