"""The dashboard of `gobhir cctv run`: live view, events, zones and rules, the cameras' health.
Only projects/cctv/commands.py imports it. Start reading in app.py; guard.py says who is let in,
serving.py how it stands beside the supervisor.
"""
