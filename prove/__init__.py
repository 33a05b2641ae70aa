"""Faults, for real: ``make prove``.

The example project under gunicorn on PostgreSQL, a fake iDenfy in a process of its own, 2,000 requests, and a seeded
schedule of what goes wrong meanwhile. Afterwards the fake's journal is compared with our rows.

====================  ==============================================================================================
``schedule``          what goes wrong, and when: pure, decided by the seed
``checks``            what must hold all the same: pure, over ``evidence``
``world``             the processes: the fake, gunicorn, senders, PostgreSQL; and how they are killed
``officers``          people with a browser
``play``              the schedule performed
``witness``           the evidence collected, from the rows and the journal
``table``             the figures, for the terminal, ``results.txt`` and the README
====================  ==============================================================================================
"""
