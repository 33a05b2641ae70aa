"""Ask iDenfy for more information about your clients, from the Django admin."""

__version__ = "0.1.0"
