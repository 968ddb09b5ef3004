"""The tables of what was learned: models, and groups of people whose interests are alike."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import JSON, Column, ForeignKey, Integer, LargeBinary, Text

from recmail.db.tables import Key, metadata
from recmail.db.types import UtcTime

models = sa.Table(
    "models",
    metadata,
    Column("version", Text, primary_key=True),
    Column("scorer", Text, nullable=False),
    Column("params", JSON, nullable=False),
    Column("data_hash", Text, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("trained_at", UtcTime, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("state", Text, nullable=False),  # saving, candidate, promoted, retired
)

model_parts = sa.Table(
    "model_parts",
    metadata,
    Column("version", Text, ForeignKey("models.version"), primary_key=True),
    Column("name", Text, primary_key=True),  # SHA-256 of a .npy file, "/", number of the piece
    Column("array", LargeBinary, nullable=False),  # a piece of that file
)

clusters = sa.Table(  # of people whose interests are alike, and the courses near to them
    "clusters",
    metadata,
    # Stays the same from training to training.
    Column("cluster_no", Key, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),  # the name as segments compare it
    Column("topics", JSON, nullable=False),  # what is typical of it: list of str, the most typical first
    Column("courses", Integer, nullable=False),
    Column("people", Integer, nullable=False),
    Column("found_at", UtcTime, nullable=False),
)

cluster_courses = sa.Table(
    "cluster_courses",
    metadata,
    Column("course_no", Key, primary_key=True, autoincrement=False),
    Column("cluster_no", Key, nullable=False),
)

people_clusters = sa.Table(
    "people_clusters",
    metadata,
    Column(
        "user_no", Key, ForeignKey("users.user_no", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("cluster_no", Key, nullable=False),
)
