"""Cases about models, endpoints, the server and the command line."""

from __future__ import annotations

from collections.abc import Iterator

from tests.cases.case import Case

RESOLVE = "tests/unit/retrieval/encoders/test_resolve_encoder.py"
LOADING = "tests/unit/retrieval/encoders/test_loading.py"
ENDPOINT = "tests/unit/retrieval/encoders/test_endpoint_encoder.py"
VECTORS = "tests/unit/retrieval/test_vectors.py"
MEASURES = "tests/unit/domain/test_measures.py"


def elsewhere() -> Iterator[Case]:
    """Cases that are not about files alone."""
    yield Case(
        "24c",
        "a check before an import, in a script",
        "",
        now="`check` ends with 1 whenever `import` refuses",
        tested_by=("tests/cases/test_field_cases_cli.py::test_case",),
    )
    yield from _models()
    yield from _server()


def _models() -> Iterator[Case]:
    yield Case(
        "70",
        "a model whose weights were replaced in the same folder",
        "https://github.com/NeuroTechX/moabb/issues/628",
        now="it is another model: texts are encoded anew",
        tested_by=(
            f"{RESOLVE}::test_what_can_change_a_vector_changes_the_fingerprint",
            f"{VECTORS}::test_an_encoder_of_another_fingerprint_has_vectors_of_its_own",
        ),
    )
    yield Case(
        "71",
        "a model that gives NaN",
        "https://github.com/huggingface/sentence-transformers/issues/2886",
        now="the variant fails and names the text; the others are scored on all queries",
        tested_by=(
            f"{VECTORS}::test_what_is_no_vector_is_not_stored",
            "tests/integration/test_run.py::test_a_variant_that_cannot_work_fails_once_and_the_others_go_on",
        ),
    )
    yield Case(
        "75",
        "max_length 1024 of 512, dimensions 768 of 384, ndcg_cut_10, a prompt without quotes, no hub",
        "https://github.com/huggingface/sentence-transformers/issues/1600",
        now="each is refused in one sentence",
        tested_by=(
            f"{LOADING}::test_more_tokens_than_the_model_has_positions_are_refused",
            f"{VECTORS}::test_more_dimensions_than_there_are_cannot_be_kept",
            f"{MEASURES}::test_everyday_names_are_understood",
            "tests/unit/experiments/test_wrong_experiment_files.py::test_invalid_yaml_is_refused_with_its_line",
            "tests/unit/retrieval/encoders/test_hub_models.py::test_an_unknown_model_is_one_request",
        ),
    )
    yield Case(
        "75h",
        "the measures hit_rate@10 and Hit@5",
        "https://github.com/run-llama/llama_index/issues/13926",
        now="refused: did you mean Success@10?",
        tested_by=(f"{MEASURES}::test_everyday_names_are_understood",),
    )
    yield Case(
        "77",
        "prompts for queries, passages and documents in a model's configuration",
        "https://github.com/microsoft/unilm/issues/1325",
        now="used as sentence-transformers uses them; `''` switches one off",
        tested_by=(
            f"{RESOLVE}::test_prompts_are_the_ones_that_sentence_transformers_documents",
            f"{LOADING}::test_the_stages_prompt_counts_also_an_empty_one",
        ),
    )
    yield Case(
        "77b",
        "a model whose prompts have other names, such as search_query",
        "https://github.com/embeddings-benchmark/mteb/issues/2867",
        now="named beside the scores; `query_prompt` and `document_prompt` say which to use",
        tested_by=(
            f"{RESOLVE}::test_prompts_of_other_names_are_known_to_be_unused",
            "tests/cases/test_field_cases_beside.py::test_unused_prompts_are_said_beside_the_scores",
        ),
    )
    yield Case(
        "94",
        "endpoints that give shuffled, short, null or base64 results, 429, or no index",
        "https://github.com/openai/openai-python/issues/420",
        now="put in order or refused in one sentence; nothing is misaligned",
        tested_by=(
            f"{ENDPOINT}::test_results_are_ordered_by_their_index",
            f"{ENDPOINT}::test_a_result_without_an_index_is_in_its_place",
            f"{ENDPOINT}::test_what_is_wrong_is_refused_and_never_stored",
            f"{ENDPOINT}::test_what_may_pass_is_tried_again",
            f"{ENDPOINT}::test_a_refusal_is_final_and_carries_the_servers_message",
        ),
    )


def _server() -> Iterator[Case]:
    names = "tests/unit/uploads/test_file_names.py"
    yield Case(
        "91",
        "names of uploaded files in Unicode, with `..`, backslashes, 300 letters or NUL",
        "https://github.com/streamlit/streamlit/issues/11396",
        now="taken or refused with a reason; nothing leaves the folder",
        tested_by=(
            f"{names}::test_what_people_call_their_files_is_taken",
            f"{names}::test_what_leads_elsewhere_or_depends_on_the_file_system_is_refused",
            f"{names}::test_no_name_leaves_its_folder",
        ),
    )
    yield Case(
        "92",
        "REDIS_URL with `#` or `/` in the password",
        "https://github.com/celery/celery/issues/7864",
        now="refused: write # as %23; no part of the password is told",
        tested_by=(
            "tests/unit/jobs/test_connection.py::test_a_url_that_is_none_is_refused_without_telling_its_password",
            "tests/unit/test_urls.py::test_nor_does_the_doctor",
        ),
    )
    yield Case(
        "95",
        "a proxy that serves the application below a path",
        "https://github.com/streamlit/streamlit/issues/7259",
        now="pages, uploads and downloads work: every link is relative",
        tested_by=("tests/cases/test_field_cases_beside.py::test_links_stay_below_the_path_of_a_proxy",),
    )
