"""The camera system `gobhir cctv`: people found and followed, rules that explain themselves.
It stands on detection/ and tracking/ and imports no PyTorch; cli/ alone may import it.
Start reading in watch.py (what happens to a frame), then rules/, then supervisor.py.
"""
