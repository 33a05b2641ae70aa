"""What the processes of ``tests/processes.py`` have imported before they are forked."""

from importlib import import_module

import django

django.setup()
for name in ("django.core.servers.basehttp", "idenfy_kyc.testing", "tests.urls"):
    import_module(name)
