"""Remote signing in the shape of the Cloud Signature Consortium's API v2; see ../README.md."""
