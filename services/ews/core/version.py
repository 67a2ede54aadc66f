"""The decision core's own number."""

CORE_VERSION = 2
"""Grows with every change after which the same facts under the same profile give another warning.

The golden term (tests/golden) was judged by this version and holds it to that.
"""
