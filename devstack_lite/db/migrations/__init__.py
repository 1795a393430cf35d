"""The schema's history: Alembic revisions, oldest first."""
