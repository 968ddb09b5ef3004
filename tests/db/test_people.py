"""People are found by their id or their address."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.people import accounts_with_the_same_address, find_user
from recmail.errors import DataError

DAY = timedelta(days=1)


def test_a_person_is_found_by_id_or_address(people: sa.Engine) -> None:
    with reading(people) as connection:
        assert find_user(connection, "u1") == 1
        assert find_user(connection, "Ben@Example.org") == 1
        assert accounts_with_the_same_address(connection, 0) == [0, 2]
        assert accounts_with_the_same_address(connection, 3) == [3]


@pytest.mark.parametrize(
    ("who", "message"),
    [
        ("nobody", "no user 'nobody'"),
        ("nobody@example.org", "no user with the address"),
        ("ANA@example.org", "2 users have the address ANA@example.org; give one user_id: u0, u2"),
    ],
)
def test_a_person_that_is_not_found_is_said_so(people: sa.Engine, who: str, message: str) -> None:
    with reading(people) as connection, pytest.raises(DataError, match=message):
        find_user(connection, who)


@pytest.mark.parametrize(("who", "meant"), [("u01", "u1"), ("1", "u1"), ("U0002", "u2"), ("uu3", "u3")])
def test_the_nearest_id_is_named(people: sa.Engine, who: str, meant: str) -> None:
    with reading(people) as connection, pytest.raises(DataError, match=f"did you mean {meant}\\?"):
        find_user(connection, who)
