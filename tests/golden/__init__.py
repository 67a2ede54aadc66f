"""The golden term: a simulated term whose warnings are kept (design 4.7).

``facts``     a simulated municipality as the facts of one partition
``term``      the term, judged by the core under the standard profile, as text
``term.txt``  that text as it is kept; `make golden` writes it
"""
