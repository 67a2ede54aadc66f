"""Activities that a timetable, imported anew, has given other ids: the same lessons, not new ones.

An activity is another's twin where the other is gone, both are of one school, with groups and
subject of the same names, and a lesson of each begins at the same moment. Where several could be
meant, its lessons wait for a human rather than be counted beside the old ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.ingest.ss12000.bodies import Body, ref
from services.ingest.ss12000.courses import subject_of

Starts = Mapping[UUID, frozenset[datetime]]
Bodies = Mapping[UUID, Body]
Key = tuple[object, ...]


@dataclass(slots=True)
class Matched:
    """``same``: new activity -> the old one it is. ``unclear``: new -> all that it could be."""

    same: dict[UUID, UUID] = field(default_factory=dict)
    unclear: dict[UUID, list[UUID]] = field(default_factory=dict)


def key_of(body: Body, groups: Bodies, syllabuses: Bodies) -> Key | None:
    """What stays the same when ids do not; None where there is too little to tell by."""
    named = [groups.get(UUID(one["id"])) for one in body.get("groups", ())]
    if not named or any(one is None for one in named):
        return None
    subject = subject_of(syllabuses.get(ref(body, "syllabus") or UUID(int=0), {}))
    told = sorted(
        (one["displayName"], one["groupType"], str(ref(one, "organisation")))
        for one in named
        if one is not None
    )
    if not (subject or body.get("displayName")):
        return None
    # Where there is no subject, the activity's own name says what it is about.
    return (str(ref(body, "organisation")), tuple(told), subject or body["displayName"])


def candidates(
    live: Mapping[UUID, Key], gone: Mapping[UUID, Key], aliased: Collection[UUID]
) -> dict[UUID, list[UUID]]:
    """Live activities that no one has named another's yet, with those gone of the same key."""
    by_key: dict[Key, list[UUID]] = {}
    for identity, key in sorted(gone.items()):
        by_key.setdefault(key, []).append(identity)
    return {
        identity: by_key[key]
        for identity, key in sorted(live.items())
        if identity not in aliased and key in by_key
    }


def match(wanted: Mapping[UUID, list[UUID]], starts: Starts) -> Matched:
    """Which of ``wanted`` is which, by the moments at which lessons of both begin.

    One pair is taken for the same where each shares more lessons with the other than with
    anything else that it could be.
    """
    by_new: dict[UUID, dict[UUID, int]] = {}
    by_old: dict[UUID, dict[UUID, int]] = {}
    for new, olds in wanted.items():
        for old in olds:
            if count := len(starts.get(new, frozenset()) & starts.get(old, frozenset())):
                by_new.setdefault(new, {})[old] = count
                by_old.setdefault(old, {})[new] = count
    found = Matched()
    for new, own in by_new.items():
        best = max(own.values())
        closest = [old for old, count in own.items() if count == best]
        rivals = (count for one, count in by_old[closest[0]].items() if one != new)
        if len(closest) == 1 and all(count < best for count in rivals):
            found.same[new] = closest[0]
        else:
            found.unclear[new] = sorted(own)
    return found
