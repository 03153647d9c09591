"""What every layer uses: records, settings, the warehouse, files, progress, statistics."""
