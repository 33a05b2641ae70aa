"""A real project that installs the app; without any setting it asks a fake iDenfy."""
