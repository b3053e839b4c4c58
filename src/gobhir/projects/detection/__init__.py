"""Detection: where in a picture something is: a small detector written to be read, and those of
others as ONNX files. As every project it stands on all rooms; tracking and cctv stand on it.
Start reading in boxes.py, then average_precision.py, network.py, assignment.py, onnx.py.
"""
