"""The judge's benchmark: clean listings, faults made by program, and traps and faults written by hand."""
