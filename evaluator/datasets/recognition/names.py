"""What people call columns, files and labels, in English and a few words of German, French and Spanish.

Names are compared without case and punctuation (`plain`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

Role = Literal["corpus", "queries", "qrels"]


def plain(name: str) -> str:
    """A name without case, punctuation and white space."""
    return "".join(filter(str.isalnum, name.lower()))


def family(name: str) -> str:
    """A name without its number: `doc_1`, `doc_2` and `doc3` are one family."""
    return re.sub(r"[\d\W_]+", "", name.lower())


def words(name: str) -> frozenset[str]:
    """The words of a name, in lower case: `hard_negative_ctxs`, `hardNegativeCtxs`."""
    divided = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return frozenset(re.findall(r"[^\W\d_]+", divided.lower()))


def _names(names: str) -> tuple[str, ...]:
    return tuple(names.split())


CORPUS_NAMES = _names(
    "corpus document documents doc docs passage passages collection article articles texts chunks "
    "knowledge products product papers pages paragraphs"
)
QUERIES_NAMES = _names("queries query questions question topics topic searches qry qa testset goldens")
QRELS_NAMES = _names(
    "qrels qrel judgments judgements judgment relevance labels label ratings rating gold triples pairs"
)
NAMES: Mapping[Role, Sequence[str]] = {
    "qrels": QRELS_NAMES,
    "queries": QUERIES_NAMES,
    "corpus": CORPUS_NAMES,
}
"""Words in the names of files, sheets and members that say what a table is."""
RUN_NAMES = frozenset(_names("run runs results ranking rankings retrieved"))

QUERY_ID = _names("queryid qid questionid topicid searchid promptid queryidx")
QUERY = _names(
    "query question querytext questiontext searchquery userquery userinput search prompt topic anchor claim "
    "utterance searchterm keyword input q frage suchanfrage anfrage pregunta consulta requête requete"
)
DOCUMENT_ID = _names(
    "corpusid docid documentid passageid pid did docno articleid productid itemid chunkid "
    "relevantdocs relevantdocids relevantdocumentids relevantids expectedid expecteddocid expecteddocumentid "
    "expectedpassageid goldid goldids golddocid golddocids answerid answerpids answerids positiveids positiveid "
    "retrievalgt groundtruthids relevantdocuments relevantpassages relevantchunks"
)
DOCUMENT = _names(
    "document doc passage expecteddocument expectedpassage expecteddoc relevantdocument relevantpassage "
    "relevantdoc positive positives pos context contexts referencecontexts groundtruthcontexts goldcontexts expected "
    "answer documenttext passagetext doctext dokument documento erwartetesdokument"
)
ANSWER = "answer"
"""Mostly an answer in words; a document only if it is the only one, or repeats one of the corpus."""
ID = _names(
    "id docid documentid docno passageid pid productid articleid itemid chunkid queryid qid questionid topicid num "
    "key uid"
)
TEXT = _names(
    "text content contents body documenttext passagetext doctext abstract paragraph pagecontent description "
    "productdescription inhalt texte texto contenu contenido"
)
TEXT_OR_ID = _names("passage document doc chunk article")
"""Names of texts, if they are texts."""
TITLE = _names(
    "title headline heading subject documenttitle doctitle name productname producttitle titel titre título titulo"
)
TAGS = "tags"

GRADE = _names(
    "grade relevance relevant rel isrelevant relevancy relevancescore relevancescores relevancegrade relevancelabel "
    "judgment judgement gradelabel gain relevanz pertinence relevancia bewertung label labels rating ratings "
    "score scores"
)
"""The most certain first."""
UNSURE_GRADE = frozenset(_names("label labels rating ratings score scores"))
"""Names of grades that also mean something else: what a search engine computes, or what customers say of a product."""
NO_GRADE = frozenset(
    _names(
        "rank position pos index idx iteration iter q0 fold split line page year date time timestamp rater annotator "
        "worker judge assessor user count length n number num id row start end offset tokens words seconds"
    )
)
"""Numbers that are no grades."""

NEGATIVE = frozenset(
    {"negative", "negatives", "neg", "negs", "hardneg", "irrelevant", "distractor", "distractors"}
)
EXCLUDED = frozenset({"excluded", "exclude"})
SYSTEM = frozenset({"retrieved", "predicted", "actual", "response", "generated"})
"""Words of columns that hold what a system returned, not what people expect."""

LABELS: Mapping[str, int] = {
    **dict.fromkeys(
        _names("irrelevant notrelevant nonrelevant unrelated bad no none poor wrong incorrect false nein"), 0
    ),
    **dict.fromkeys(
        _names("partial partiallyrelevant related substitute complement marginal fair somewhat maybe"), 1
    ),
    **dict.fromkeys(_names("relevant exact good yes correct true match ja high highlyrelevant"), 2),
    **dict.fromkeys(_names("excellent veryrelevant"), 3),
    **dict.fromkeys(_names("perfect vital key perfectlyrelevant"), 4),
}
"""How relevant labels in words are, as a proposal; only their order counts."""


def has_word(name: str, of: frozenset[str]) -> bool:
    """Whether a name contains one of these words, alone or written together."""
    return bool(words(name) & of) or any(plain(name).startswith(word) for word in of if len(word) > 3)
