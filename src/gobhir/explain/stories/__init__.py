"""Many steps of somebody's training, watched, and what happened in them told.
Stands on lift (which listens) and watching.py; cli and the studio may import it.
Start reading in story.py (gobhir.story), then symptoms.py (what counts as a symptom, and why).
"""
