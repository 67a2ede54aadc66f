"""`make bench-ews`: one real EWS worker against the naive Faust app, on the same broker.

``workload`` turns the simulated municipality into the input log, ``feed``
writes it, ``measure`` times a worker to its last committed checkpoint,
``naive`` is the app that a normal user of Faust would write, ``main`` puts
the run together.
"""
