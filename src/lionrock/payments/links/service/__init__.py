"""Use cases of payment links and fee intents."""

from lionrock.payments.links.service.desk import LinkDesk

__all__ = ["LinkDesk"]
