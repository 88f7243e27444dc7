"""Official protocols and common folder layouts as manifests, and the audit of a manifest."""
