"""Identifiers and state keys, made in one place so that they are never made differently.

The namespaces are constants of the product: changing one changes every thread
id, so that consumers would see every warning as a new one.
"""

from __future__ import annotations

from uuid import UUID, uuid5

THREADS = UUID("b0f6f2b1-5f0c-5d0a-9a55-6c1c4f2f7e11")
EPISODES = UUID("2b8d1c34-8d0e-5e3f-8a53-51c2f0a9d7a2")
SIGNALS = UUID("7c1d9a52-3b64-5f0a-8e1b-0d6a4f93c2b8")


def thread_id(organiser_id: bytes, pupil_id: bytes, family: int, school_year: int) -> bytes:
    """The 16 bytes that name one pupil's warnings of one family in one school year (design D4)."""
    return uuid5(THREADS, f"{organiser_id.hex()}|{pupil_id.hex()}|{family}|{school_year}").bytes


def episode_id(thread: bytes, raised_day: int, revision: int) -> bytes:
    """An episode's 16 bytes, from the day it was raised and the revision that first told of it.

    The revision keeps an episode that comes back after its withdrawal apart
    from the withdrawn one.
    """
    return uuid5(EPISODES, f"{thread.hex()}|{raised_day}|{revision}").bytes


def signal_id(
    organiser_id: bytes, unit_id: bytes, kind: int, place: str, school_year: int
) -> bytes:
    """The 16 bytes that name a unit's signals of one kind in one place of it in a school year."""
    name = f"{organiser_id.hex()}|{unit_id.hex()}|{kind}|{place}|{school_year}"
    return uuid5(SIGNALS, name).bytes


def school_signal_key(unit_id: bytes, signal_id: bytes) -> bytes:
    """The key of a row of ews.school-signals.v1."""
    return f"{unit_id.hex()}:{signal_id.hex()}".encode()


def bucket_key(organiser_id: bytes, home_id: bytes, bucket: int) -> str:
    """What names a bucket within the partition; the middle of its state keys."""
    return f"{organiser_id.hex()}:{home_id.hex()}:{bucket}"


def parse_bucket_key(key: str) -> tuple[bytes, bytes, int]:
    """Organiser, home and bucket of a :func:`bucket_key`."""
    organiser, home, bucket = key.split(":")
    return bytes.fromhex(organiser), bytes.fromhex(home), int(bucket)


def absence_day_key(pupil_id: bytes, day: int) -> bytes:
    """The key of a row of ews.absence-days.v1."""
    return f"{pupil_id.hex()}:{day}".encode()


def group_day_key(unit_id: bytes, day: int, partition: int) -> bytes:
    """The key of a row of ews.group-days.v1."""
    return f"{unit_id.hex()}:{day}:{partition}".encode()
