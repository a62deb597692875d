"""Use cases of identity: load, decide, store, emit. `service/identity.py` is the whole."""
