"""The fake is proved: the ledger in memory keeps the ledger's contract."""

import pytest

from tests.contracts.ledger import LedgerContract
from tests.memory import MemoryLedger


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        return MemoryLedger()
