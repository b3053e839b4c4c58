"""Video: clips told apart by what happens in them, by a CNN for frames and an LSTM or GRU for time.
As every project it stands on all rooms; cctv/ asks what it trained, through scorer.py alone.
Start reading in sampling.py, then clips.py (what is a clip), network.py, train.py, evaluate.py.
"""
