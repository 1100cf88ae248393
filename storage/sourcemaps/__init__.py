"""Source maps of releases: minified JavaScript stacks become stacks of the sources, at write time or when the map arrives later."""
