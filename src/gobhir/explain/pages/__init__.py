"""A reading laid out as a page: what there is, forward, loss, backward, update, did it help.
Stands on the reading and the rules; why, checking and explanation.py may import it.
Start reading in forward.py, then backward.py and update.py; board.py: images and tokens.
"""
