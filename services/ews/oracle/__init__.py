"""`forvarning oracle`: recompute every warning from the input log and compare (design 4.4).

The oracle shares the decision core with the stream, so it proves the plumbing:
nothing lost, nothing doubled, nothing stale between the log, the topic, the
case service and notify. Whether the rules themselves are right is for the
brute-force model in tests/model.

``findings, snapshots, absences, notices, removal``   pure: what is compared, and what is wrong
``log, recompute, stores``                  what is read: Kafka, the core, the services over HTTP
``run, cli``                                the phases in order, and the command
"""
