"""How a KPI's value comes from its readings, how long its figures may take, and from when they can be compared.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("kpi_version", sa.Column("method", sa.Text()))
    op.add_column("kpi_version", sa.Column("lag", sa.Integer()))
    op.add_column("kpi_version", sa.Column("comparable_from", sa.Date()))


def downgrade() -> None:
    for name in ("comparable_from", "lag", "method"):
        op.drop_column("kpi_version", name)
