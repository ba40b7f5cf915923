"""The journal on local disk: dialing marks, calls in flight, and facts that the database has not taken."""

from dialer.adapters.journal.disk import FileJournal, open_journal

__all__ = ["FileJournal", "open_journal"]
