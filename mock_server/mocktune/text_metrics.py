"""``TextMetrics`` through libraries that the real service's own image has (GRADDOC): rapidfuzz, nltk, rouge-score.

All of it works offline. ``nltk`` and ``rouge_score`` are imported when one of their metrics is first computed: that
takes a quarter of a second, and most runs need neither.

Which variant of each metric the real service computes is not known. Assumed:

- ``fuzzy_match``: ``fuzz.WRatio`` with the default processor, as in GRADDOC's own example of a python grader;
- ``bleu``: of one sentence, smoothed (method 1) and reweighed below four words, so that short texts can score at all;
- ``meteor``: with an empty WordNet, since its data would have to be downloaded: words match when they or their stems
  are the same, synonyms never do;
- ``rouge_n`` and ``rouge_l``: the F-measure without stemming;
- words of BLEU, GLEU and METEOR are runs of word characters or of punctuation.
"""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz import fuzz, utils

from mocktune.domain.grader_kinds import Metric

MAX_WORDS = 1_000
"""Words of a text that are compared: ROUGE-L takes 0.2 s for a thousand against a thousand."""

MAX_FUZZY_CHARS = 5_000
_MAX_CHARS = 32 * MAX_WORDS


class LibraryMetrics:
    """``TextMetrics`` of one process."""

    def similarity(self, metric: Metric, input: str, reference: str) -> float:
        if metric == "fuzzy_match":
            score = fuzz.WRatio(input[:MAX_FUZZY_CHARS], reference[:MAX_FUZZY_CHARS], processor=utils.default_process)
            return score / 100
        if metric.startswith("rouge_"):
            return _rouge(metric, _beginning(input), _beginning(reference))
        given, wanted = _words(input), _words(reference)
        if metric == "bleu":
            return _bleu(given, wanted)
        return _gleu(given, wanted) if metric == "gleu" else _meteor(given, wanted)


def _bleu(given: list[str], wanted: list[str]) -> float:
    # These libraries ship no type information.
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu  # type: ignore[import-untyped]

    smoothed = SmoothingFunction().method1
    return float(sentence_bleu([wanted], given, smoothing_function=smoothed, auto_reweigh=True))


def _gleu(given: list[str], wanted: list[str]) -> float:
    from nltk.translate.gleu_score import sentence_gleu  # type: ignore[import-untyped]

    return float(sentence_gleu([wanted], given))


class _EmptyWordNet:
    """A WordNet in which no word has a synonym."""

    def synsets(self, word: str) -> Sequence[object]:
        return ()


def _meteor(given: list[str], wanted: list[str]) -> float:
    from nltk.translate.meteor_score import single_meteor_score  # type: ignore[import-untyped]

    return float(single_meteor_score(wanted, given, wordnet=_EmptyWordNet()))


def _rouge(metric: str, given: str, wanted: str) -> float:
    from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]

    name = "rouge" + metric.removeprefix("rouge_").upper()  # rouge1 … rouge5, rougeL
    return float(RougeScorer([name]).score(wanted, given)[name].fmeasure)


def _words(text: str) -> list[str]:
    from nltk.tokenize import wordpunct_tokenize  # type: ignore[import-untyped]

    words: list[str] = wordpunct_tokenize(text[:_MAX_CHARS])
    return words[:MAX_WORDS]


def _beginning(text: str) -> str:
    return " ".join(text[:_MAX_CHARS].split()[:MAX_WORDS])
