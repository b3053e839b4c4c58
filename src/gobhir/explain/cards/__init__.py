"""The card of an op: what it computes, its gradient, a worked example, and where it stands.
Stands on the engine's ops and derivation; cli and the studio may import it.
Start reading in card.py.
"""
