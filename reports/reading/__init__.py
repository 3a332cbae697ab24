"""From an uploaded file to tables of typed cells. No model is loaded here."""
