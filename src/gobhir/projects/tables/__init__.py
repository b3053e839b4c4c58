"""Tables: a number or a class from a row of a table, on three frameworks side by side.
As every project it stands on all rooms; lessons may import it.
Start reading in frame.py (what becomes of a table), then network.py, train.py, evaluate.py.
"""
