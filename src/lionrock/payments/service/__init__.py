"""Use cases of payments: orders, the switch, messages in and out, participants."""

from lionrock.payments.service.inbox import Taken
from lionrock.payments.service.participants import Enrolment
from lionrock.payments.service.payments import Payments
from lionrock.payments.service.post import DELIVER_QUEUE, ENDPOINT, MEDIA_TYPE, MESSAGES_PATH
from lionrock.payments.service.switch import (
    DRIVE_NEAR_QUEUE,
    DRIVE_QUEUE,
    REJECTED_TOPIC,
    SETTLED_TOPIC,
)

__all__ = [
    "DELIVER_QUEUE",
    "DRIVE_NEAR_QUEUE",
    "DRIVE_QUEUE",
    "ENDPOINT",
    "MEDIA_TYPE",
    "MESSAGES_PATH",
    "REJECTED_TOPIC",
    "SETTLED_TOPIC",
    "Enrolment",
    "Payments",
    "Taken",
]
