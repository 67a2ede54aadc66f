"""The law as one table of steps: who may take which, when, by which paragraph, and what it starts.

Two state machines, skolplikt and gymnasium, in the same table: a step names its paragraph for each
track it belongs to. :func:`.judging.judge` answers; :mod:`.table` holds the steps.
"""
