"""The script that Streamlit runs, in a folder of its own: it would take `pages` beside it for pages of its own."""
