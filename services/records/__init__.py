"""Gallring, erasure and registerutdrag: what is kept about a pupil, over all services' tables.

No service: commands of the operator, and a function that the case service asks. All of it goes
by services.common.retention.
"""
