from __future__ import annotations

from idenfy_kyc.services import digest_of


class TestDigestOf:
    def test_tells_rows_apart_that_are_as_many(self) -> None:
        assert len({digest_of(keys) for keys in ([], [1], [2], [1, 23], [12, 3], [1, 2, 3])}) == 6

    def test_leaves_their_order_aside(self) -> None:
        assert digest_of([3, 1, 2]) == digest_of(iter([1, 2, 3]))
