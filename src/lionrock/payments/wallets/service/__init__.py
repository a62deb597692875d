"""Use cases of wallets."""

# As in settlement: the switch's service holds this one's, and must be loaded from the top.
import lionrock.payments.service  # noqa: F401 - for its effect, see above
