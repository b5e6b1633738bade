"""What pages, the REST API and the command line call. No Streamlit here."""
