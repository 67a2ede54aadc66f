"""Use cases of the chain: each step read, judged and written in one transaction."""

from services.cases.chain import sending

for _part in (sending,):
    _part.install()
