"""The service behind `gobhir serve model.onnx`: a web page to try a model, and an API to ask it.
Only deploy/, projects/ and the command line import it. Start reading in app.py, then follow a
request: body.py reads it, batching.py joins it with others, model.py runs it, answer.py tells it.
"""
