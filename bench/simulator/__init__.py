"""A seeded Swedish municipality whose school systems push to ingest over HTTP.

Layers, each importing only those before it:

``seeds, rates, config, calendar, names``   numbers, dates and made-up identities
``world, timetable, build``                 who goes where, and who teaches what
``trajectories, attendance``                what really happened (the truth)
``reporting, stream``                       what teachers and guardians said about it, and when
``contract, files``                         as ingest's JSON; as facts.jsonl and truth.jsonl
``client, ledger, feeder, cli``             the only modules that do I/O over the network

Everything above the last two lines is pure: the same configuration gives the
same bytes, whatever the machine, the date or the order of calls.
"""
