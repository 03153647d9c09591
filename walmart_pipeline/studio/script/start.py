"""Runs the Studio; Streamlit reads it anew for each request."""

from walmart_pipeline.studio import app

app.main()
