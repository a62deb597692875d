"""The gateways of the exchange's members: what a provider and a consumer run at their own side.

Pure protocol code over the kernel's network: no database of the platform, no pillar's service. The
simulated parties use it through exchange.api, and so would a real member.
"""
