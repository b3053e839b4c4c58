"""A derivation as data, and its faces: expressions, rounding, steps; text,
Markdown, HTML, slides, LaTeX, PDF, JSON.
mathematics, lift, explain and all above may import it; it stands on lang alone (and NumPy).
Start reading in step.py (what a derivation is), then expression.py and rounding.py.
"""
