"""`forvarning replay`: who would have been warned when, under one rule profile and another.

Both profiles judge the same facts through the decision core (services.ews.core.replay),
one partition at a time. What is told is the end result: every fact that the source holds
has counted, however late it came, so the same facts in another order give the same answer.

``lines, homes, people, compare``   pure: a folder's lines, where they belong, who was placed
                                    where, and what the two profiles make of it
``folder, log``                     what is read: a facts.jsonl folder, or Kafka's input log
``choose, run, show, cli``          which profiles, the comparison, its table and JSON, the command
"""
