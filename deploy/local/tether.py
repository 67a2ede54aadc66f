"""Become another program that does not outlive whoever started it.

Run as a script, never imported by a service:

    python -S -E tether.py PARENT_PID DEATH_SIGNAL UID:GID|- PROGRAM [ARGUMENT ...]

On Linux the kernel is asked to send DEATH_SIGNAL when the parent's thread ends, however it ends
(prctl(2), PR_SET_PDEATHSIG), so that a launcher ended by SIGKILL leaves nothing behind that locks
its data. Elsewhere the process runs as usual and the next start ends it (see ``ledger.py``).

With UID:GID the program runs as that account. PostgreSQL refuses to run as root; so that its
account can reach a data directory below a private home, it keeps one capability: to read and
search directories (CAP_DAC_READ_SEARCH, or CAP_DAC_OVERRIDE where the former is not to be had, as
in a container's default set). The alternative would be to open every parent folder to everyone.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAP_SETPCAP = 8


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _drop_to(uid: int, gid: int, libc: ctypes.CDLL | None) -> None:
    """Become uid:gid, keeping the one capability that lets it reach its files."""
    if libc is not None:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if libc is None:
        return
    header = _Header(CAPABILITY_VERSION_3, 0)
    data = (_Data * 2)()
    if libc.capget(ctypes.byref(header), data) != 0:
        return
    kept = next(
        (c for c in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if data[0].permitted & (1 << c)), None
    )
    mask = 0 if kept is None else 1 << kept
    # access(2) looks away from an account's capabilities unless told not to, and initdb asks it
    # about PostgreSQL's own programs, which may lie below a private home as the data may.
    for_this = mask | data[0].permitted & (1 << CAP_SETPCAP)
    data[0] = _Data(for_this, for_this, mask)
    if libc.capset(ctypes.byref(header), data) == 0:
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    data[0] = _Data(mask, mask, mask)
    data[1] = _Data(0, 0, 0)
    if libc.capset(ctypes.byref(header), data) == 0 and kept is not None:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept, 0, 0)


def main() -> None:
    """Replace this process by the program; exit 127 where the parent has already gone."""
    parent, death_signal, account = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if account != "-":
        uid, gid = account.split(":")
        _drop_to(int(uid), int(gid), libc)
    if libc is not None:
        # After the change of account, which would clear it.
        libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(127)
    os.execvp(sys.argv[4], sys.argv[4:])  # noqa: S606 - replacing this process is the purpose


main()
