"""Text taken apart: tokens, stems, sentences, numbers, units, language."""
