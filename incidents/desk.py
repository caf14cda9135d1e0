"""The desk 受理台: the use cases of the trade in one place to ask. Each is one transaction, through the Ledger.

What becomes of an event stands in `incidents.receiving`, moves in `incidents.moving`, what the system does by itself in
`incidents.waking`.
"""

from incidents.ledger import Change, Ledger
from incidents.moving import move, moves_for
from incidents.receiving import Receipt, receive
from incidents.rights import check_owner, owns, terms_of
from incidents.waking import wake

__all__ = [
    "Change",
    "Ledger",
    "Receipt",
    "check_owner",
    "move",
    "moves_for",
    "owns",
    "receive",
    "terms_of",
    "wake",
]
