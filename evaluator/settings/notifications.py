"""Settings of notifications: where they may go, and the server that takes mail."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

MailSecurity = Literal["starttls", "tls", "none"]
"""How a connection to the mail server is encrypted."""


class NotificationSettings(BaseModel):
    """Where notifications may go, and by which server mail is sent."""

    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        description="Address under which people reach this server, for links in notifications, such as "
        "`https://evaluator.example.org`. Default: none, and no links.",
    )
    webhook_hosts: tuple[str, ...] = Field(
        (),
        description="Hosts (a JSON list of `host` or `host:port`) that webhooks may also reach though they are "
        "private, or over http, or through a proxy. Default: only public addresses over https, without a proxy.",
    )
    webhook_url: SecretStr | None = Field(
        None,
        description="Webhook of the instance: is told how every experiment ends. Secret. People set their own on the "
        "page Account.",
    )
    webhook_key: SecretStr | None = Field(
        None, description="Key that signs what is sent to EVALUATOR_WEBHOOK_URL. Default: it is not signed."
    )
    smtp_host: str | None = Field(
        None, description="Server that takes notifications by mail. Default: no mail is sent."
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of that server.")
    smtp_security: MailSecurity = Field(
        "starttls",
        description="How the connection to it is encrypted: `starttls`, `tls` (from the beginning, often port 465) or "
        "`none`.",
    )
    smtp_user: str | None = Field(None, description="User that signs in there. Default: nobody does.")
    smtp_password: SecretStr | None = Field(None, description="The user's password.")
    smtp_from: str | None = Field(
        None,
        pattern=r"^[^\n]*[^\s@]@[^\s@]+$",
        validate_default=True,
        description="Sender of mail. Required where EVALUATOR_SMTP_HOST is set.",
    )

    @field_validator("webhook_url")
    @classmethod
    def _an_address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("it is no address, such as https://hooks.example.org/...")
        return url

    @field_validator("smtp_from")
    @classmethod
    def _with_sender(cls, sender: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("smtp_host") and not sender:
            raise ValueError("EVALUATOR_SMTP_HOST needs EVALUATOR_SMTP_FROM, the sender of mail")
        return sender
