"""Sockets that outlive the service: who holds them, and how the next life gets them back."""
