"""Text analysis: tokens, stems, sentences, numbers, units, language."""
