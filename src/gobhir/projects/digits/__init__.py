"""Bangla digits: which digit a hand wrote, whoever's hand, pen and paper it was.
As every project it stands on all rooms; lessons may import it. What a picture becomes before the
network sees it stands in deploy/drawing.py. Start reading in data.py, then augment.py, network.py.
"""
