"""`make demo-check`: eight school weeks on the local stack, with faults, compared with the oracle.

``days, windows, latency, acknowledged, notices, schedule, report``  pure: dates, figures, verdicts
``watch, probe, receiver, mails, logs, identities``                  eyes: topics, API, mail, tables
``stack, worker, traffic, inject, settle``                           hands: processes, load, faults
``context, live, verdict, main, cli``                                the phases, in order
"""

from deploy.check.cli import app

__all__ = ["app"]
