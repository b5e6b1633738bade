"""Small pages without scripts: to sign in, to join, and to say why not."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{head}<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Retrieval Evaluator</title>
<style>
  :root {{ color-scheme: light dark; font: 16px/1.5 "Source Sans", system-ui, sans-serif; }}
  body {{ margin: 0; display: grid; place-items: center; min-height: 100vh; background: Canvas; color: CanvasText; }}
  main {{ width: min(22rem, calc(100vw - 2rem)); }}
  h1 {{ font-size: 1.5rem; margin: 0 0 1rem; }}
  label {{ display: block; margin: 0.75rem 0 0.25rem; }}
  input {{ box-sizing: border-box; width: 100%; padding: 0.5rem; font: inherit; }}
  button {{ margin-top: 1.25rem; padding: 0.5rem 1rem; font: inherit; cursor: pointer; }}
  form.other button {{ width: 100%; margin-top: 0.75rem; }}
  hr {{ border: 0; border-top: 1px solid color-mix(in srgb, CanvasText 25%, Canvas); margin: 1.5rem 0 0.5rem; }}
  main {{ overflow-wrap: anywhere; }}
  [role="alert"]::first-letter {{ text-transform: uppercase; }}
  [role="alert"] {{ border-left: 4px solid #c0392b; padding: 0.25rem 0.75rem; }}
</style>
</head>
<body><main><h1>{title}</h1>{content}</main></body>
</html>
"""


def page(title: str, content: str, status: int = 200, onward: str | None = None) -> HTMLResponse:
    """A page.

    Args:
        title: as text.
        content: as HTML, in which all text of strangers is escaped.
        onward: an address that browsers go to at once.
    """
    head = f'<meta http-equiv="refresh" content="0;url={escape(onward)}">\n' if onward else ""
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",  # with `no-referrer`, browsers do not say that a form is this server's
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(PAGE.format(title=escape(title), content=content, head=head), status, headers)


def notice(title: str, message: str, status: int, sign_out: str | None = None) -> HTMLResponse:
    """A page that says something.

    Args:
        sign_out: the address at which one can sign out; None if there is nothing to sign out of.
    """
    leave = f'<p><a href="{escape(sign_out)}">Sign out</a></p>' if sign_out else ""
    return page(title, f"<p>{escape(message)}.</p>{leave}", status)


def leads_on(label: str, address: str) -> HTMLResponse:
    """A page that leads to a provider's.

    A redirect would not do: browsers apply `form-action` also to where a form's answer redirects to, and providers
    redirect to hosts that only they know.
    """
    link = f'<p>You are led to <a href="{escape(address)}" rel="noreferrer">{escape(label)}</a>.</p>'
    return page("One moment", link, onward=address)


def alert(message: str | None) -> str:
    """What went wrong, as a part of a page; nothing for None."""
    return f'<p role="alert">{escape(message)}</p>' if message else ""
