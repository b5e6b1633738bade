"""Cases about BM25 over many languages and odd queries."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from tests.cases.case import Case, Scored
from tests.cases.notes import DOCUMENTS, QUERIES
from tests.shapes.writing import json_lines

CHINESE = {
    "链条打滑怎么办": "自行车链条打滑通常是因为链条或飞轮磨损。",
    "刹车尖叫是什么原因": "碟刹发出尖叫声往往是因为沾了油。",
    "如何调整车轮": "调整车轮时要一点一点拧紧辐条。",
    "轮胎漏气": "无内胎轮胎的密封液干了就会漏气。",
    "座垫高度": "座垫太高会让骑行者的臀部摇晃。",
    "变速器调整": "后变速器可以用微调螺丝来调整。",
}
THAI = {
    "โซ่ลื่น": "โซ่จักรยานลื่นเพราะโซ่หรือเฟืองสึก",
    "เบรกเสียงดัง": "ดิสก์เบรกมีเสียงดังเพราะเปื้อนน้ำมัน",
    "ตั้งล้อ": "การตั้งล้อต้องขันซี่ลวดทีละน้อย",
    "ยางรั่ว": "ยางรั่วเพราะน้ำยาแห้ง",
}
ARABIC = {
    "سلسلة الدراجة": "سِلْسِلَةُ الدَّرَّاجَةِ تَنْزَلِقُ عِنْدَمَا تَكُونُ مُهْتَرِئَةً",
    "صوت المكابح القرصية": "المكابح القرصية تصدر صوتا بسبب الزيت",
    "ضبط العجلة": "ضبط العجلة يحتاج إلى شد الأسلاك",
    "الاطار الهواء": "الإطار يفقد الهواء",
}
FRENCH = {
    "régler le dérailleur": "Le dérailleur arrière se règle avec la vis de réglage.",
    "freins crissent saleté": "Les freins à disque crissent à cause de la saleté.",
    "chaîne usée": "La chaîne usée saute sur la cassette.",
    "pneu crevé": "Le pneu crevé se répare avec une rustine.",
}
GERMAN = {
    "Kette springt": "Springende Ketten deuten auf verschlissene Kassetten hin.",
    "Scheibenbremse reinigen": "Quietschende Scheibenbremsen werden mit Alkohol gereinigt.",
    "Laufrad zentrieren": "Laufräder werden mit dem Nippelspanner zentriert.",
    "schlauchloser Reifen Dichtmilch": "Schlauchlose Reifen brauchen frische Dichtmilch.",
    "Sattelhöhe einstellen Höhe": "Der Sattel wird auf die Höhe der Hüfte gestellt.",
    "Schaltung justieren": "Die Schaltung wird mit der Einstellschraube justiert.",
    "Akku lagern": "Akkus lagert man kühl und halb geladen.",
}
ODD = {
    "to be or not to be": "To be, or not to be, that is the question.",
    "the who": "The Who played at Leeds in 1970.",
    "C++": "C++ has templates and destructors.",
    ".NET C#": "C# runs on the .NET runtime.",
    "?!": "The price is 5 € or 6 $.",
    "all that it was": "It was all that I had to do.",
}
LONG = {
    f"{QUERIES['q1']} " * 2000: DOCUMENTS["d1"],
    "x" * 200_000: DOCUMENTS["d2"],
}


def paired(pairs: dict[str, str]) -> dict[str, bytes]:
    """A dataset in BEIR's format where each query has one relevant document."""
    return {
        "corpus.jsonl": json_lines([{"_id": f"d{n}", "text": text} for n, text in enumerate(pairs.values())]),
        "queries.jsonl": json_lines([{"_id": f"q{n}", "text": text} for n, text in enumerate(pairs)]),
        "qrels/test.tsv": "".join(f"q{n}\t0\td{n}\t1\n" for n in range(len(pairs))).encode(),
    }


def scored(pairs: dict[str, str], score: float, *more: str, remarks: Sequence[str] = ()) -> Scored:
    """BM25 with its defaults, and with more settings, has this nDCG@10."""
    variants = {f"bm25 {n}".strip(): f"{{bm25: {bm25}}}" for n, bm25 in enumerate(("{}", *more))}
    means = {name: {"nDCG@10": score} for name in variants}
    return Scored(paired(pairs), variants, means, remarks=tuple(remarks))


def searches() -> Iterator[Case]:
    """Cases about searches."""
    yield Case(
        "51",
        "BM25 over Chinese",
        "https://github.com/xhluca/bm25s/issues/94",
        now="nDCG@10 1.0000",
        scored=(scored(CHINESE, 1.0, "{tokenizer: icu-bigrams-1, k1: 0.9, b: 0.4}"),),
    )
    yield Case(
        "53",
        "BM25 over Thai",
        "https://github.com/plur-ai/plur/pull/782",
        now="nDCG@10 1.0000",
        scored=(scored(THAI, 1.0),),
    )
    yield Case(
        "54",
        "BM25 over Arabic with vowel signs",
        "https://github.com/Bookworm-project/BookwormDB/issues/123",
        now="nDCG@10 1.0000",
        scored=(scored(ARABIC, 1.0, "{stemmer: arabic}"),),
    )
    decomposed = {query: unicodedata.normalize("NFD", text) for query, text in FRENCH.items()}
    yield Case(
        "55",
        "decomposed letters in French documents, composed ones in the queries",
        "https://github.com/lidge-jun/aside-codemode/issues/30",
        now="nDCG@10 1.0000, as with composed documents",
        scored=(scored(decomposed, 1.0, "{stemmer: french}"),),
    )
    yield Case(
        "56",
        "BM25 with its defaults over a German corpus",
        "https://github.com/embeddings-benchmark/mteb/pull/4405",
        now="stemmer and stop words of the corpus's language: nDCG@10 0.8571; others are warned about",
        scored=(scored(GERMAN, 0.8571, "{stemmer: german, stop_words: german}"),),
        tested_by=("tests/unit/library/test_word_use.py::test_what_does_not_fit_the_language_is_said",),
    )
    yield Case(
        "57",
        "queries such as `to be or not to be`, `C++` and `?!`",
        "https://github.com/quickwit-oss/search-benchmark-game/pull/51",
        now="nDCG@10 0.8333; queries without a word, or of stop words alone, are counted beside the scores",
        scored=(
            scored(
                ODD,
                0.8333,
                "{stop_words: english, stemmer: english}",
                remarks=(
                    "finds no word in 1 of 6 queries (q4)",
                    "searches by stop words in 1 of 6 queries (q0)",
                ),
            ),
        ),
    )
    yield Case(
        "58",
        "a query of 10,000 words, and a word of 200,000 letters",
        "https://github.com/castorini/anserini/issues/745",
        now="both are searched; an unknown word finds nothing",
        scored=(scored(LONG, 0.5, remarks=()),),
    )
