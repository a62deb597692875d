"""The directory of services and how a service comes on; identity.api hands this door on."""

from lionrock.identity.services.domain import (
    CATEGORIES,
    Found,
    Service,
    ServiceQuery,
    check_service,
    read_query,
)
from lionrock.identity.services.errors import SERVICES_ERRORS, ServicesRefusal
from lionrock.identity.services.onboarding import (
    CONTROLS,
    TESTS,
    Onboarding,
    OnboardingState,
    Review,
    ServiceDraft,
)
from lionrock.identity.services.service import Services

__all__ = [
    "CATEGORIES",
    "CONTROLS",
    "SERVICES_ERRORS",
    "TESTS",
    "Found",
    "Onboarding",
    "OnboardingState",
    "Review",
    "Service",
    "ServiceDraft",
    "ServiceQuery",
    "Services",
    "ServicesRefusal",
    "check_service",
    "read_query",
]
