"""From what was published and what the fold found to the next revision, case by case."""

from __future__ import annotations

from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core.fold import Spell
from services.ews.core.legal import illegal_history
from services.ews.core.profile import FAMILIES, parse_profile
from services.ews.core.publish import Revision, revise
from services.ews.core.pupils import Content, Thread
from tests.trial import TRIAL

PROFILE = parse_profile(TRIAL)
RULE = PROFILE.rules(FAMILIES["strofranvaro"])[0]
THREAD = b"t" * 16
Found = tuple[Spell, Content]


def found(
    raised: int, resolved: int = 0, *, level: int = 1, on: int = 0, back: bool = False
) -> Found:
    """A spell and what is told of it; the level was reached ``on`` a day, else at once."""
    spell = Spell(raised, level, on or raised, RULE, PROFILE, resolved, back)
    told = w.Episode(level=level, level_day=on or raised, rule_id=RULE.rule_id)
    version = (PROFILE.profile_id, PROFILE.version)
    return spell, Content(on or raised, level, RULE.rule_id, version, told)


def first(*spells: Found) -> Revision:
    told = revise(THREAD, None, spells, incomplete=False)
    assert told is not None
    return told


def following(before: Thread, *spells: Found) -> Revision:
    told = revise(THREAD, before, spells, incomplete=False)
    assert told is not None
    events = [
        w.WarningEvent(thread_id=THREAD, revision=1, episodes=before.episodes),
        w.WarningEvent(
            thread_id=THREAD, revision=2, episodes=told.thread.episodes, changes=told.changes
        ),
    ]
    raised = [w.Change(kind=w.CHANGE_KIND_RAISED, episode_id=e.episode_id) for e in before.episodes]
    events[0].changes.extend(raised)
    assert [one for one in illegal_history(events) if one.startswith("revision 2")] == []
    return told


def changes(told: Revision) -> list[tuple[int, int]]:
    return [(change.kind, change.epoch_day) for change in told.changes]


def states(told: Revision) -> list[tuple[int, int]]:
    return [(one.raised_day, one.state) for one in told.thread.episodes]


def test_an_episode_that_had_risen_before_it_was_told_of_tells_each_day() -> None:
    told = first(found(100, 130, level=2, on=110))
    assert changes(told) == [
        (w.CHANGE_KIND_RAISED, 100),
        (w.CHANGE_KIND_ESCALATED, 110),
        (w.CHANGE_KIND_RESOLVED, 130),
    ]
    assert told.epoch_day == 130


def test_what_touches_a_published_episode_on_one_day_is_that_episode() -> None:
    before = first(found(100, 110))
    name = before.thread.episodes[0].episode_id
    later = following(before.thread, found(110, 120))
    assert [one.episode_id for one in later.thread.episodes] == [name]
    earlier = following(before.thread, found(90, 100))
    assert [one.episode_id for one in earlier.thread.episodes] == [name]


def test_what_lies_a_day_apart_is_another_episode() -> None:
    before = first(found(100, 110)).thread
    gone = (100, w.EPISODE_STATE_WITHDRAWN)
    assert states(following(before, found(111))) == [gone, (111, w.EPISODE_STATE_ACTIVE)]
    assert states(following(before, found(90, 99))) == [(90, w.EPISODE_STATE_RESOLVED), gone]


def test_of_several_episodes_each_is_matched_with_its_own() -> None:
    spells = [
        found(100, 110),
        found(120, 130, back=True),
        found(140, 150, back=True),
        found(160, back=True),
    ]
    before = first(*spells).thread
    one, two, three, four = (episode.episode_id for episode in before.episodes)
    assert [episode.relapse_of for episode in before.episodes] == [b"", one, two, three]
    told = following(before, *spells[:3], found(160, 170, back=True))
    assert [episode.episode_id for episode in told.thread.episodes] == [one, two, three, four]
    assert changes(told) == [(w.CHANGE_KIND_RESOLVED, 170)]
    told = following(before, found(140, 150), found(160, back=True))
    assert states(told) == [
        (100, w.EPISODE_STATE_WITHDRAWN),
        (120, w.EPISODE_STATE_WITHDRAWN),
        (140, w.EPISODE_STATE_RESOLVED),
        (160, w.EPISODE_STATE_ACTIVE),
    ]
    # The one that now is the first relapses from none.
    assert [episode.relapse_of for episode in told.thread.episodes[2:]] == [b"", three]


def test_the_same_again_is_no_revision() -> None:
    spells = [found(100, 110), found(120, back=True)]
    before = first(*spells).thread
    assert revise(THREAD, before, spells, incomplete=False) is None
    anew = [found(100, 110), found(120, back=True)]
    assert revise(THREAD, before, anew, incomplete=False) is None
    assert revise(THREAD, before, spells, incomplete=True) is not None


def test_content_that_was_kept_is_built_anew_where_the_spell_is_another() -> None:
    """``content.episode`` is what was published; the spell says something else than it did."""
    spell, content = found(100, 110)
    before = first((spell, content)).thread
    told = following(before, (found(104, 110)[0], content))
    assert states(told) == [(104, w.EPISODE_STATE_RESOLVED)]
    earlier, later = found(80, 90), found(100, 110)
    before = first(later).thread
    told = following(before, earlier, (found(100, 110, back=True)[0], later[1]))
    assert told.thread.episodes[1].relapse_of == told.thread.episodes[0].episode_id


def test_an_episode_that_rests_or_changes_says_which() -> None:
    before = first(found(100)).thread
    assert changes(following(before, found(100, 120))) == [(w.CHANGE_KIND_RESOLVED, 120)]
    assert changes(following(before, found(100, level=2, on=105))) == [
        (w.CHANGE_KIND_ESCALATED, 105)
    ]
    rested = first(found(100, 120)).thread
    assert changes(following(rested, found(100))) == [(w.CHANGE_KIND_AMENDED, 100)]
    assert changes(following(rested, found(100, 121))) == [(w.CHANGE_KIND_AMENDED, 100)]
    lower = following(first(found(100, level=2, on=105)).thread, found(100))
    assert changes(lower) == [(w.CHANGE_KIND_AMENDED, 100)]
    gone = following(before)
    assert changes(gone) == [(w.CHANGE_KIND_WITHDRAWN, 100)]
