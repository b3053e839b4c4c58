"""Training steps side by side with peers: ratios within a round, with their spread.
Imports whatever is measured; nothing imports it but its tests.
Start reading in workloads.py, then run.py.
"""
