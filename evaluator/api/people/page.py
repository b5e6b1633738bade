"""Small pages without scripts: to sign in, to join, and to say why not."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Retrieval Evaluator</title>
<style>
  :root {{ color-scheme: light dark; font: 16px/1.5 "Source Sans", system-ui, sans-serif; }}
  body {{ margin: 0; display: grid; place-items: center; min-height: 100vh; background: Canvas; color: CanvasText; }}
  main {{ width: min(22rem, calc(100vw - 2rem)); }}
  h1 {{ font-size: 1.5rem; margin: 0 0 1rem; }}
  label {{ display: block; margin: 0.75rem 0 0.25rem; }}
  input {{ box-sizing: border-box; width: 100%; padding: 0.5rem; font: inherit; }}
  button {{ margin-top: 1.25rem; padding: 0.5rem 1rem; font: inherit; cursor: pointer; }}
  [role="alert"] {{ border-left: 4px solid #c0392b; padding: 0.25rem 0.75rem; }}
</style>
</head>
<body><main><h1>{title}</h1>{content}</main></body>
</html>
"""


def page(title: str, content: str, status: int = 200) -> HTMLResponse:
    """A page.

    Args:
        title: as text.
        content: as HTML, in which all text of strangers is escaped.
    """
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",  # with `no-referrer`, browsers do not say that a form is this server's
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(PAGE.format(title=escape(title), content=content), status, headers)


def notice(title: str, message: str, status: int) -> HTMLResponse:
    """A page that says something, from which one can sign out."""
    return page(title, f'<p>{escape(message)}.</p><p><a href="/logout">Sign out</a></p>', status)


def alert(message: str | None) -> str:
    """What went wrong, as a part of a page; nothing for None."""
    return f'<p role="alert">{escape(message)}</p>' if message else ""
