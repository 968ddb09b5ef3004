"""Clusters of people and courses, for segments."""

import sqlalchemy as sa
from alembic import op

from recmail.db.types import UtcTime

revision = "0007"
down_revision = "0004"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "clusters",
        sa.Column("cluster_no", KEY, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("courses", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("found_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("cluster_no", name="pk_clusters"),
        sa.UniqueConstraint("name_key", name="uq_clusters_name_key"),
    )
    op.create_table(
        "cluster_courses",
        sa.Column("course_no", KEY, autoincrement=False, nullable=False),
        sa.Column("cluster_no", KEY, nullable=False),
        sa.PrimaryKeyConstraint("course_no", name="pk_cluster_courses"),
    )
    op.create_table(
        "people_clusters",
        sa.Column("user_no", KEY, autoincrement=False, nullable=False),
        sa.Column("cluster_no", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_no"], ["users.user_no"], name="fk_people_clusters_user_no_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_no", name="pk_people_clusters"),
    )
