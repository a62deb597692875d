"""SQL of payment links and fee intents."""
