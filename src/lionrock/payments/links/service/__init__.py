"""Use cases of payment links and fee intents."""

from lionrock.payments.links.service.desk import LinkDesk
from lionrock.payments.links.service.links import CALLBACK_QUEUE, EXPIRY_QUEUE, Links

__all__ = ["CALLBACK_QUEUE", "EXPIRY_QUEUE", "LinkDesk", "Links"]
