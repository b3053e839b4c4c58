"""Anomaly: what is unusual for one camera, learned from its normal footage alone; and one-class
experiments. As every project it stands on all rooms; of projects, cctv opens its scorer.
Start reading in network.py, then tail.py (how many false alarms an hour), train.py, scorer.py.
"""
