"""Why is this number this number? Big steps as an outline; sums, from number to number.
Stands on recordings and pages; explanation.py and the studio may import it.
Start reading in trace.py (a step as a graph of names), then why.py; outline.py folds networks.
"""
