"""The rule book: how an op's result, and the gradient that it passes back, are written down.
Stands on the tape's reading (quantity.py, recording.py); the rest of explain may import it.
Start reading in families.py (one rule a family), then use.py (one op at work, as its rule sees it).
"""
