"""The ASGI application: pages, REST routes, the queue's dashboard, and what starts and stops with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

import streamlit as st
import streamlit.logger
from starlette.middleware import Middleware
from streamlit.runtime import get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from evaluator import logs
from evaluator.api.connections import bound_servers
from evaluator.api.dashboard import dashboard
from evaluator.api.origins import guards
from evaluator.api.people.chosen_project import ChosenProject
from evaluator.api.people.guard import Guard
from evaluator.api.people.share_links import shared_page
from evaluator.api.people.sign_in import sign_in_routes
from evaluator.api.routes import routes
from evaluator.api.startup_error import FailedStart
from evaluator.api.streamlit_upload_limit import FewSmallFiles
from evaluator.domain.access import OPEN
from evaluator.errors import InvalidInputError, QueueUnavailableError
from evaluator.home import keep_private
from evaluator.jobs.processes.orphan import stop_without_supervisor
from evaluator.location import app_folder
from evaluator.operations.keeper import Keeper
from evaluator.people.command_key import make_command_key
from evaluator.proxies import except_here
from evaluator.settings import Settings
from evaluator.ui.shell.person import address_of_page, project_of_page, signed_in
from evaluator.uploads.uploads import clear_old
from evaluator.workspace.acting import otherwise
from evaluator.workspace.workspace import Workspace, serve


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[dict[str, Workspace]]:
    """Hold the database open and record results while the server runs."""
    logs.configure(settings, "json")
    # Streamlit gives each of its loggers, and uvicorn's, a handler of its own, also to loggers that are created later.
    streamlit.logger.setup_formatter = logs.through_root
    streamlit.logger.update_formatter()
    keep_private(settings)
    except_here()
    stop_without_supervisor()
    if settings.auth:
        make_command_key(settings)
    known = otherwise(signed_in if settings.auth else lambda: OPEN, address_of_page, project_of_page)
    with (
        Workspace.open(settings) as workspace,
        serve(workspace),
        known,
        Keeper(workspace, measures=True, notifies=True),
    ):
        clear_old(workspace)
        yield {"workspace": workspace}


@contextmanager
def _one_line() -> Iterator[None]:
    """Report in one line why the server cannot start, also when it was started without the command line."""
    try:
        yield
    except (InvalidInputError, QueueUnavailableError) as error:
        raise SystemExit(f"error: {error}") from None


def _forget(session: str, file: str) -> None:
    cast(MemoryUploadedFileManager, get_instance().uploaded_file_mgr).remove_file(session, file)


with _one_line():
    settings = Settings.read()
    guard = [Middleware(Guard, settings=settings)] if settings.auth else []
    middleware = [
        Middleware(FailedStart),
        *guards(settings),
        *guard,
        Middleware(ChosenProject),
        Middleware(FewSmallFiles, forget=_forget),
    ]
    queue_pages = dashboard(settings)
bound_servers()
app = st.App(
    app_folder() / "pages" / "_frame.py",
    lifespan=lifespan,
    routes=[*routes(), shared_page(), *queue_pages, *(sign_in_routes() if settings.auth else [])],
    middleware=middleware,
)
