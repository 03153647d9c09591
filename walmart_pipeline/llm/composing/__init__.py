"""The parts of the composer: reading the source's text, telling attributes, titles, key features, keywords."""
