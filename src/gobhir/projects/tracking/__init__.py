"""Tracking: following people through a video, from each frame's detections alone.
It stands on projects/detection/boxes.py beside all rooms; cctv and lessons may import it.
Start reading in kalman.py, then association.py, tracker.py, and metrics.py: how good is it?
"""
