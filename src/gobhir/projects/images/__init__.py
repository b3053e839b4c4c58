"""Images: a classifier for a folder of one's own pictures, from weights that have seen ImageNet.
As every project it stands on all rooms; lessons may import it.
Start reading in networks/, then folders.py (what is a folder of pictures), train.py, evaluate.py.
"""
