"""Pure rules of the evidence pillar: no I/O, no clock, no chance.

merkle (RFC 6962), tiles (C2SP tlog-tiles), note (C2SP signed-note, tlog-checkpoint and
tlog-cosignature), proof (C2SP tlog-proof), receipt, trust, container, bundle, verifier.
"""
