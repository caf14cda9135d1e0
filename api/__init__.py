"""PEOPLE AND SCREENS: FastAPI over the desk, the views and the live facts."""
