"""Images in: data sets, degradations, patches, caches."""
