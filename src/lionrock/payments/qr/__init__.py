"""HKQR: payment codes in the layout of Hong Kong's common QR code: read, made and drawn."""
