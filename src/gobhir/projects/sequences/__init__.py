"""Sequences: what a series of numbers will do next, by RNN, LSTM and GRU beside simple forecasts.
As every project it stands on all rooms; lessons may import it.
Start reading in windows.py (what becomes of a series), then network.py, train.py, evaluate.py.
"""
