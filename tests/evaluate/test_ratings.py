"""Stars: what Surprise's own estimate says, read from the database as people gave them last."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
import surprise

from recmail.db.connect import reading, writing
from recmail.db.tables import interactions
from recmail.evaluate.ratings import error_of, rating_error, read_ratings
from recmail.recommend.svd import estimate_ratings
from recmail.records import GradedTriples
from tests.evaluate.test_train import add_people
from tests.shards import NOW, make_triples


def stars(people: int = 30, courses: int = 20, seed: int = 1) -> GradedTriples:
    """Some people are kind, some courses good: stars from 1 to 5."""
    random = np.random.default_rng(seed)
    kind, good = random.normal(size=people), random.normal(size=courses)
    rated = random.random((people, courses)) < 0.7
    rated[0] = True  # so that courses appear in their order, as Surprise numbers them
    user, course = np.nonzero(rated)
    given = np.clip(np.round(3 + kind[user] + good[course]), 1, 5)
    rows = zip(user.tolist(), course.tolist(), given.tolist(), strict=True)
    return make_triples(list(rows), at=random.permutation(len(user)).tolist())


def test_estimates_are_surprises_own() -> None:
    ratings = stars()
    frame = pd.DataFrame({"user": ratings.user_no, "item": ratings.course_no, "rating": ratings.grade})
    data = surprise.Dataset.load_from_df(frame, surprise.Reader(rating_scale=(1, 5)))
    theirs = surprise.SVD(random_state=7).fit(data.build_full_trainset())
    asked = make_triples([(user, course, 0.0) for user in (0, 5, 29, 99) for course in (0, 7, 19, 77)])
    ours = estimate_ratings(ratings, asked, seed=7)
    pairs = zip(asked.user_no.tolist(), asked.course_no.tolist(), strict=True)
    assert ours.tolist() == pytest.approx([theirs.predict(*pair).est for pair in pairs], abs=1e-5)


def test_errors_by_hand() -> None:
    """Course 0 has 2 and 4 stars, mean 3; the ratings to predict are 1 and 5: off by 2 and 2."""
    earlier = make_triples([(0, 0, 2.0), (1, 0, 4.0)])
    found = error_of(earlier, make_triples([(2, 0, 1.0), (3, 0, 5.0)]), courses=1, seed=1)
    assert (found.ratings, found.rmse_of_means, found.mae_of_means) == (2, 2.0, 2.0)
    assert found.rmse == pytest.approx(2, abs=0.2)


def test_svd_understands_kind_people_and_good_courses() -> None:
    found = rating_error(stars(people=120, courses=40), courses=40, seed=1)
    assert found is not None
    assert found.rmse < found.rmse_of_means


def test_with_few_ratings_nothing_is_said() -> None:
    assert rating_error(stars(), courses=20, seed=1) is None
    assert rating_error(make_triples([]), courses=20, seed=1) is None


def rate(engine: sa.Engine, *rows: tuple[int, int, float | None, int]) -> None:
    events = [
        {
            "event_key": f"r{place}",
            "user_no": user,
            "course_no": course,
            "kind": "rated",
            "value": value,
            "at": NOW - timedelta(days=days),
            "source": "test",
        }
        for place, (user, course, value, days) in enumerate(rows)
    ]
    with writing(engine) as connection:
        connection.execute(sa.insert(interactions), events)


def test_reads_the_newest_rating_up_to_now_of_those_learned_from(database: sa.Engine) -> None:
    add_people(database, 4)
    rate(
        database,
        (0, 1, 2.0, 9),
        (0, 1, 4.0, 3),
        (0, 2, 1.0, -1),
        (1, 1, None, 2),
        (2, 1, 5.0, 1),
        (3, 1, 3.0, 1),
    )
    with reading(database) as connection:
        found = read_ratings(connection, NOW, make_triples([(0, 1, 3.0), (1, 1, 3.0), (2, 1, 3.0)]))
    assert found.user_no.tolist() == [0, 2]
    assert found.course_no.tolist() == [1, 1]
    assert found.grade.tolist() == [4, 5]
    assert found.at[1] - found.at[0] == 2 * 86_400 * 1_000_000


def test_no_ratings_read_as_nothing(database: sa.Engine) -> None:
    with reading(database) as connection:
        assert len(read_ratings(connection, NOW, make_triples([]))) == 0
