"""`make bench-ews`: how fast the EWS is, against its peers on the same broker.

``main`` runs the parts in their order; ``ground`` is what they share; each part is
a function that returns figures (``workers``, ``against``, ``live``, ``replaying``).
"""
