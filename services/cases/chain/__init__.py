"""Use cases of the chain: each step read, judged and written in one transaction."""

from services.cases.chain import closing, coordinating, following, sending, settling

for _part in (sending, following, coordinating, closing, settling):
    _part.install()
