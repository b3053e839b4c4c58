"""Text: is a sentence meant well or ill? In Bangla and English, from n-grams to a Transformer.
As every project it stands on all rooms; lessons may import it.
Start reading in tokens.py (from a sentence to numbers), then models.py, train.py, evaluate.py.
"""
