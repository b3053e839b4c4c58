"""Check my work: a student's numbers held against a step, and the slip that explains the first
wrong one.
Stands on the reading and pages/update.py; worksheets and the studio may import it.
Start reading in sheet.py (a step as a person works it out), then slip.py and marking.py.
"""
