"""Tests of the Hong Kong profile over HTTP."""
