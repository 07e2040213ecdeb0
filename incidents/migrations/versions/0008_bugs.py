"""Bugs beside incidents; versions of what steps brought, reviews counted, questions to people."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add what the bug pipeline keeps; what there is are incidents, and no step of theirs was reviewed."""
    op.add_column("incident", sa.Column("kind", sa.Text(), nullable=False, server_default="incident"))
    op.add_column("run", sa.Column("iterations", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("run", sa.Column("outcome", sa.String(), nullable=False, server_default=""))
    op.add_column("step", sa.Column("passes", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("step", sa.Column("settled", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "step_version",
        sa.Column("step_id", sa.Integer(), sa.ForeignKey("step.id"), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("runner", sa.String(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("output", sa.JSON(), nullable=False),
        sa.Column("feedback", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "question",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("incident_id", sa.Integer(), sa.ForeignKey("incident.id"), nullable=False),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("run.id"), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("ix_question_incident", "question", ["incident_id", "state"])
    op.create_index("ix_question_run_id", "question", ["run_id"])
