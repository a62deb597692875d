"""The composition root: the one place that knows every pillar and every setting."""
