"""Use cases of the chain: each step read, judged and written in one transaction."""

from services.cases.chain import (
    assessing,
    closing,
    coordinating,
    deciding,
    following,
    sending,
    settling,
)

for _part in (assessing, deciding, sending, following, coordinating, closing, settling):
    _part.install()
