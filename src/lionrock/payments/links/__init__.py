"""Payment links (app to app) and government fee intents that are paid through them."""
