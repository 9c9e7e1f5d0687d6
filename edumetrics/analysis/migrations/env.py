"""Alembic's entry: migrations run on the connection that the store hands over."""

from alembic import context

from edumetrics.analysis.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
