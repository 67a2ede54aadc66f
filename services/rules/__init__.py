"""A rule profile read whole: both parts, and what they say to each other.

The format belongs to no service. Ingest refuses what cannot be used before it is
published, the workers read the ``signals``, the case service the ``ladder``, and the
command line shows both. Pure: it reads bytes and returns values.
"""
