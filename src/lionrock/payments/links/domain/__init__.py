"""Values and decisions of payment links and fee intents."""
