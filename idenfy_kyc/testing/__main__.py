"""``python -m idenfy_kyc.testing --port 8001 --path fake.sqlite3``."""

from __future__ import annotations

import sys

from idenfy_kyc.testing.server import main

sys.exit(main())
