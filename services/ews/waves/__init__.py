"""The group step: from ews.group-days.v1 to Wave facts in the input log (design D8), and to the
signals that schools are told of (ews.school-signals.v1).

A process of its own: ``python -m services.ews.waves``. One is enough; two do no
harm. What it knows it reads from Kafka at each start.
"""
