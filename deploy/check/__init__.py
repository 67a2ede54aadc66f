"""`make demo-check`: eight school weeks on the local stack, with faults, compared with the oracle.

``days, windows, latency, acknowledged, notices, schedule, report``   pure: dates, figures, verdicts
``watch, probe, receiver``                                  eyes: topics, the cases API, webhooks
``stack, worker, traffic, inject``                          hands: processes, load, faults
``main``                                                    the phases, in order
"""
