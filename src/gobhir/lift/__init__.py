"""Other frameworks and the engine's tape: steps lifted in, and a tape checked against PyTorch.
Stands on engine and derivation; imports a framework only when asked. explain and above use it.
Start reading in trace.py, then torch_watch.py or tensorflow_watch.py, then lifting.py.

A whole training is listened to by listening.py, with engine_ears.py or torch_ears.py, and written
down in diary.py; explain tells it as a story.
"""
