"""What ends or stops the shell.

EwsError
├── GapError            the log's next record is not the expected one: something was dropped
├── PoisonedError       too many facts in a row cannot be digested
├── LogMismatchError    the checkpoint row does not belong to the input log or what was published
├── TransactionError    a checkpoint's transaction failed or took too long
└── SupersededError     a newer rebalance has begun; what was being restored is not ours

All but the last end the process. It restarts from its checkpoints, which are
always whole (design D3).
"""

from __future__ import annotations


class EwsError(Exception):
    """Root of the shell's own errors; the text is for the operator."""


class GapError(EwsError):
    """A record of the input log never reached the core."""


class PoisonedError(EwsError):
    """The dead letters would otherwise take in the whole log."""


class LogMismatchError(EwsError):
    """Going on would skip or repeat facts in silence; the text names the command that mends it."""


class TransactionError(EwsError):
    """Nothing of the checkpoint is visible, or all of it is; the restart finds out which."""


class SupersededError(EwsError):
    """Give up quietly: another worker may own the partitions already."""
