"""Webhooks on their way out: signed, and sent over HTTP."""
