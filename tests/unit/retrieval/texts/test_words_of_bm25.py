"""Words of BM25: what a text becomes in each script, and what of a query is searched."""

from __future__ import annotations

import unicodedata
from typing import get_args

import pytest
import Stemmer as PyStemmer
from hypothesis import given
from hypothesis import strategies as st

from evaluator.domain.variant import BM25, Stemmer, StopWords, Tokenizer
from evaluator.retrieval.texts.languages import STEMMERS
from evaluator.retrieval.texts.words import Words, open_words

OLD = BM25(stemmer="none", stop_words="none")


def plain(tokenizer: Tokenizer = "icu-1") -> Words:
    return open_words(BM25(stemmer="none", stop_words="none", tokenizer=tokenizer))


def of(language: Stemmer, stop_words: StopWords = "none") -> Words:
    return open_words(BM25(stemmer=language, stop_words=stop_words, tokenizer="icu-1"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # As the first tokenizer finds them, and words of one letter.
        ("The price is 5 € or 6 $.", "the price is 5 or 6"),
        ("C++ C# .NET R", "c c net r"),
        ("foo_bar __init__ co-op F-16", "foo_bar __init__ co op f 16"),
        # Numbers stay whole.
        ("3.14 1,000 v1.2 12:30", "3.14 1,000 v1.2 12 30"),
        # Abbreviations become one word; what people search by parts is divided.
        ("U.S. e.g. example.com end.Next key:value", "us eg example com end next key value"),
        # A single letter that an apostrophe ties to a word is left out, be it straight or not.
        ("dog's don't l'eau d’abord O'Brien I'm", "dog don eau abord brien im"),
        ("Ankara'da aujourd'hui", "ankara da aujourd hui"),
        # NFKC: ligatures, wide letters, numbers in circles; a trademark's sign or a footnote stays no part of a word.
        ("ﬁne Ｗｉｄｅ ① Windows™ note¹", "fine wide 1 windows note 1"),
        # What nobody sees: a soft hyphen, a joiner, a mark of direction.
        ("Schiff\u00adfahrt zero\u200dwidth \u200fright", "schifffahrt zerowidth right"),
        # Case folds: ß, the Greek sigma at a word's end, a capital with a dot.
        ("Straße STRASSE ΣΟΦΟΣ σοφός İstanbul", "strasse strasse σοφοσ σοφόσ istanbul"),
        # Emoji are words, other symbols and punctuation are not.
        ("I ❤️ C, 👍🏽! © ?! ___", "i ❤ c 👍🏽"),
        # Vowel signs belong to their letters (Hindi, Tamil).
        ("साइकिल की चेन, தமிழ் மொழி", "साइकिल की चेन தமிழ் மொழி"),
        # Arabic and Hebrew vowels, and what only stretches a word, are left out; every alef is the same.
        ("سِلْسِلَةُ كتـــاب الإطار آثار", "سلسلة كتاب الاطار اثار"),
        ("שָׁלוֹם", "שלום"),
        # Scripts without spaces, by dictionaries: Thai, Chinese, Japanese (also half as wide).
        ("โซ่ลื่น", "โซ่ ลื่น"),
        ("轮胎漏气, 如何调整车轮", "轮胎 漏 气 如何 调整 车轮"),
        ("自転車のチェーン ｶﾞｲﾄﾞ", "自転車 の チェーン ガイド"),
        # Korean: pairs of syllables, because particles are written with their word.
        ("체인이 체인 물 LG전자가", "체인 인이 체인 물 lg 전자 자가"),
        ("", ""),
    ],
)
def test_words_by_icu(text: str, words: str) -> None:
    assert plain().query_terms(text) == words.split()


def test_bigrams_are_pairs_of_neighbours_in_chinese_japanese_and_korean() -> None:
    words = plain("icu-bigrams-1")
    # 链条打滑: four characters, three pairs; the comma divides; one character alone stays; the rest is as by words.
    assert words.query_terms("链条打滑, 油 GPU显卡 dog's") == [
        "链条",
        "条打",
        "打滑",
        "油",
        "gpu",
        "显卡",
        "dog",
    ]
    assert words.query_terms("ガイド ｶﾞｲﾄﾞ か\u3099い 체인이") == [
        "ガイ",
        "イド",
        "ガイ",
        "イド",
        "がい",
        "체인",
        "인이",
    ]


def test_the_first_tokenizer_is_what_it_was() -> None:
    """Two or more letters or digits: marks and scripts without spaces are its limits, which old results have."""
    words = open_words(OLD)
    assert words.query_terms("The C++ of dog's, 3.14 साइकिल 自転車のチェーン") == [
        "the", "of", "dog", "14", "इक", "自転車のチェーン",
    ]  # fmt: skip
    assert open_words(BM25()).query_terms("The wings of dogs") == ["wing", "dog"]


def test_turkish_has_two_letters_i() -> None:
    # IŞIK is ışık (light) in lower case, and İÇİN is için.
    words = of("turkish")
    assert words.query_terms("IŞIK ışık") == ["ışık", "ışık"]
    assert words.query_terms("İÇİN") == words.query_terms("için")
    assert of("none", "turkish").query_terms("IŞIK İÇİN") == ["ışık"]  # için (for) is a stop word
    assert of("english").query_terms("INDEX") == of("english").query_terms("index")


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("german", "Scheibenbremsen", "Scheibenbremse"),
        ("french", "réglées", "régler"),
        ("russian", "книги", "книга"),
        ("arabic", "الدَّرَّاجَةِ", "دراجة"),
        ("turkish", "kitapları", "kitap"),
        ("hindi", "लड़कियों", "लड़की"),
    ],
)
def test_stems_meet_in_every_form_of_unicode(language: Stemmer, one: str, other: str) -> None:
    words = of(language)
    assert words.query_terms(one) == words.query_terms(other)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert words.query_terms(unicodedata.normalize(form, one)) == words.query_terms(one)


def test_a_query_is_searched_by_stop_words_only_if_it_has_no_others() -> None:
    words = of("english", "english")
    assert words.query_terms("the wings of a bird") == ["wing", "bird"]
    assert words.query_terms("To be, or not to be") == ["to", "be", "or", "not", "to", "be"]
    queries = ("the wings of a bird", "To be, or not to be", "?!", "")
    assert [words.is_stopped(query) for query in queries] == [False, True, False, False]
    old = open_words(BM25())
    assert [old.is_stopped(query) for query in queries] == [False, True, False, False]
    assert old.query_terms("To be, or not to be") == []


def test_an_index_has_stop_words_and_each_term_under_one_number() -> None:
    documents, numbers = of("english", "english").index(["The wing", "?!", "wings of the wing"])
    # the is 0, wing is 1, of is 2.
    assert numbers == {"the": 0, "wing": 1, "of": 2}
    assert documents == [[0, 1], [], [1, 2, 0, 1]]
    documents, numbers = open_words(BM25()).index(["The wing", "?!", "wings of the wing"])
    assert (numbers, documents) == ({"wing": 0}, [[0], [], [0, 0]])


def test_a_language_must_be_resolved() -> None:
    with pytest.raises(ValueError, match="not resolved"):
        open_words(BM25.written())


def test_every_language_that_can_be_chosen_has_its_list() -> None:
    for stemmer in get_args(Stemmer)[1:]:
        of(stemmer).query_terms("word")
    for stop_words in get_args(StopWords)[2:]:
        assert open_words(BM25(stemmer="none", stop_words=stop_words, tokenizer="icu-1"))
    assert set(get_args(Stemmer)[2:]) == {*PyStemmer.algorithms()} - {"porter", "dutch_porter", "sesotho"}
    assert {*STEMMERS.values()} == {*get_args(Stemmer)[2:]} - {
        "yiddish"
    }  # which the identifier does not know


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(texts)
def test_any_text_has_words_that_name_their_places(text: str) -> None:
    for tokenizer in ("icu-1", "icu-bigrams-1"):
        words = open_words(BM25(tokenizer=tokenizer))
        terms = [number for document in words.index([text])[0] for number in document]
        places = list(words.occurrences(text))
        assert sum(len(place.terms) for place in places) == len(terms)
        assert all(0 <= place.start < place.end <= len(text) for place in places)


@given(texts)
def test_equal_texts_have_equal_words_whatever_their_form(text: str) -> None:
    words = plain()
    composed = unicodedata.normalize("NFC", text)
    assert words.query_terms(unicodedata.normalize("NFD", text)) == words.query_terms(composed)
