"""Worksheets: the derivation with blanks, its key, and as it comes out of a printer.
Stands on explanation.py and checking; cli and the studio may import it.
Start reading in worksheet.py; rounds.py has several steps, own_paper.py a step of one's own.
"""
