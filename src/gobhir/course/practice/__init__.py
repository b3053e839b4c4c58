"""Practice in the terminal: `gobhir practice` and `gobhir recall`.
Start reading in bench.py (exercises, the learner's files, what is kept), then watching.py (the
loop of keys and files) and screen.py (what it shows); commands.py has the forms without keys.
"""
