"""Use cases of settlement; `settlement.Settlement` puts them together."""

# The switch's service holds this one's and this one uses its parts: whoever imports a module of
# ours first must have the whole of it loaded from the top, or the circle stands half open.
import lionrock.payments.service  # noqa: F401 - for its effect, see above
