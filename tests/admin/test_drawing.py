from __future__ import annotations

from idenfy_kyc.admin.drawing import masked


class TestMasked:
    def test_keeps_where_the_link_leads_and_hides_what_opens_it(self) -> None:
        assert masked("https://example.com/idenfy/r/3f2d0e6a/") == "https://example.com/idenfy/r/••••••••"
