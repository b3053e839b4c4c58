"""What the networks have to beat: counts of words and of runs of characters, weighed by how rare
they are (TF-IDF), and logistic regression on them, by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gobhir.deploy import Text
from gobhir.lang import say
from gobhir.projects.text.tokens import SPECIAL, pieces

STRENGTHS = (1.0, 4.0, 16.0, 64.0)
"""How little the weights are held back (C); the validation chooses."""
SEEN = ("words", "characters", "both")


def linear(
    train: tuple[Sequence[str], np.ndarray],
    validation: tuple[Sequence[str], np.ndarray],
    test: Sequence[str],
    classes: int,
) -> dict[str, np.ndarray]:
    """Probabilities (texts of the test, classes) of three linear models: on words and pairs of
    words, on runs of one to five characters within words, on both. ImportError where scikit-learn
    is missing."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise ImportError(say("evaluation.bad.sklearn")) from None
    found = {}
    for seen in SEEN:
        counts = _counts(seen)
        x, v, z = counts.fit_transform(train[0]), *map(counts.transform, (validation[0], test))
        tried = [LogisticRegression(C=c, max_iter=1000).fit(x, train[1]) for c in STRENGTHS]
        best = max(tried, key=lambda model: model.score(v, validation[1]))
        out = np.zeros((len(test), classes))
        out[:, best.classes_] = best.predict_proba(z)
        found[seen] = out
    return found


def _counts(seen: str) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    cut = Text("words", vocabulary=SPECIAL)

    def words(text: str) -> list[str]:
        return pieces(text, cut)

    some = {
        "words": TfidfVectorizer(
            tokenizer=words, token_pattern=None, ngram_range=(1, 2), sublinear_tf=True
        ),
        "characters": TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True),
    }
    return make_union(*some.values()) if seen == "both" else some[seen]
