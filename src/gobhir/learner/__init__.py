"""What a learner made: progress, answers, settings and notes, in a folder of their own.
Stands on lang alone; the course, the studio and the command line write into it.
Start reading in store.py.
"""
