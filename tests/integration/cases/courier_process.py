"""A courier in a process of its own: ``python -m … DSN INSTANT POINT`` makes one round.

At POINT it says so on standard output and stands still, for whoever ends it there.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import datetime

from pydantic import SecretStr

from services.cases.courier import Courier
from services.cases.store.scope import Database
from services.common import pg
from services.common.clock import FixedClock


def stand_still(here: str) -> None:
    """Between two statements, with whatever transaction is open there."""
    if here == sys.argv[3]:
        print(here, flush=True)
        time.sleep(600)


async def main() -> None:
    """One round through every organiser."""
    pool = await pg.connect(SecretStr(sys.argv[1]), service="cases", size=2)
    clock = FixedClock(datetime.fromisoformat(sys.argv[2]))
    try:
        print("carried", await Courier(Database(pool, clock), at=stand_still).once(), flush=True)
    finally:
        await pool.close()


if __name__ == "__main__":
    asyncio.run(main())
