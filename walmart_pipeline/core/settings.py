"""Configuration from the environment: WALMART_* variables, and the published names without that prefix."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PACKAGE = Path(__file__).resolve().parents[1]

# The checkout that this code runs from; None where it is installed as a wheel.
CHECKOUT = PACKAGE.parent if (PACKAGE.parent / "data" / "sample").is_dir() else None

# Never in site-packages, where an upgrade would delete it.
DEFAULT_WORKSPACE = CHECKOUT / "data" if CHECKOUT else Path("walmart_data")


def _published(name: str, default: Any) -> Any:
    """A field with an environment name without the prefix WALMART_."""
    return Field(default=default, validation_alias=name)


class Settings(BaseSettings):
    """Typed view of the environment and of .env (in the checkout, else in the working directory); the former wins."""

    # The prefix avoids clashes with names that a shell or a CI server sets, such as USER or WORKSPACE.
    model_config = SettingsConfigDict(
        env_prefix="WALMART_",
        env_file=(CHECKOUT or Path()) / ".env",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
    )

    workspace: Path = _published("WALMART_HOME", DEFAULT_WORKSPACE)
    policy: str = "walmart-2025"
    provider: str = "auto"
    base_model: str = "llama3.1:8b"
    warehouse_wait_seconds: float = Field(default=900, ge=0)
    # A DuckLake in place of the DuckDB file: ducklake:postgres: and a connection string of Postgres, which may have a
    # password; the folder or s3:// address in which it is created; and the store's access, under Amazon's names.
    warehouse_url: SecretStr | None = None
    warehouse_data: str | None = None
    aws_endpoint_url: str | None = _published("AWS_ENDPOINT_URL", None)
    aws_access_key_id: SecretStr | None = _published("AWS_ACCESS_KEY_ID", None)
    aws_secret_access_key: SecretStr | None = _published("AWS_SECRET_ACCESS_KEY", None)
    aws_session_token: SecretStr | None = _published("AWS_SESSION_TOKEN", None)
    aws_region: str | None = _published("AWS_REGION", None)
    # Where `walmart-pipeline dev` serves reports, and what links in Dagster's UI begin with.
    reports_url: str = "http://127.0.0.1:3001"

    # Feeds. A range review drops at most a fifth of a range; a broken export may lose any part. In a small feed, ten
    # rows indicate neither.
    max_shrinkage_share: float = Field(default=0.3, ge=0, le=1)
    max_shrinkage_rows: int = Field(default=10, ge=0)
    feed_quiet_seconds: float = Field(default=5, ge=0)
    # What a compressed feed may unpack to; 100,000 products have some 60 MB.
    max_feed_gb: float = Field(default=4, gt=0)

    # Retained by `walmart-pipeline prune`: days of runs and Data Docs, and the newest datasets beside those in use.
    retention_days: int = Field(default=90, ge=1)
    keep_datasets: int = Field(default=3, ge=1)
    # Days of a lake's earlier states, and of their files.
    lake_retention_days: int = Field(default=7, ge=1)
    # Days of the ledger's answers; None: for ever, because a removed one is paid for again.
    ledger_retention_days: int | None = Field(default=None, ge=1)

    # Schedules: cron expressions on the clock of a time zone. After the day's feeds and before the working day in
    # Bentonville.
    time_zone: str = "America/Chicago"
    nightly_cron: str = "0 2 * * *"
    evaluation_cron: str = "0 5 * * sun"
    cleanup_cron: str = "0 6 1 * *"

    # Sensors: the least seconds between two looks, by default 30 for the inbox and 60 for the others.
    sensor_seconds: int | None = Field(default=None, ge=1)
    # New ratings and edits until the rating model learns from them, new good examples until a retraining,
    # regenerations after a drift in a day and products in each, and the estimated cost of one.
    feedback_at_least: int = Field(default=20, ge=1)
    retrain_at_least: int = Field(default=100, ge=1)
    drift_runs_per_day: int = Field(default=1, ge=0)
    regeneration_products: int = Field(default=200, ge=1)
    regeneration_budget_usd: float = Field(default=1.0, ge=0)

    # Of the existing texts, what a new champion rewrites before the rest; 1: everything at once.
    canary_share: float = Field(default=0.1, gt=0, le=1)

    # The Studio: what one user's texts may cost a day, and the Fernet key that seals the keys which users keep; without
    # it a typed key lives as long as its session.
    studio_budget_usd: float = Field(default=1.0, ge=0)
    studio_key: SecretStr | None = None
    # For a provider of OpenID Connect that does not say whether it verified an address, where nobody sets their own.
    studio_unverified_emails: bool = False
    # Where people reach it behind a proxy: then it lets nobody in without sign-in, though it listens on loopback.
    studio_url: str | None = None

    # Alerts: apprise URLs, which hold passwords and tokens, and the address of Dagster's UI for their links.
    alert_urls: SecretStr | None = None
    ui_url: str = "http://127.0.0.1:3000"

    # Model calls. The budget holds for one run.
    model: str | None = None
    base_url: str | None = None
    concurrency: int = Field(default=64, ge=1)
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    budget_usd: float = Field(default=5.0, ge=0)
    budget_calls: int | None = Field(default=None, ge=1)
    batch: bool = False
    ledger_url: str | None = None
    prices: Path | None = None
    allow_cloud_models: bool = False
    embedded_model: Path | None = None
    embedded_adapter: Path | None = None

    # Several processes for one night: the queue of their work (redis://host:port/0), and products that one takes at a
    # time.
    celery_broker: SecretStr | None = None
    bucket_texts: int = Field(default=1_000, ge=1)

    # Whether models learn from the template writer's stand-ins for a model's text.
    learn_from_stand_ins: bool = False

    # A model as judge, off by default: provider:model, texts per run, and its own budget.
    model_judge: str | None = None
    model_judge_sample: int = Field(default=0, ge=0)
    model_judge_budget_usd: float = Field(default=1.0, ge=0)

    # A model that checks uncertain statements against the record, off by default: provider:model, and its own budget.
    fact_check: str | None = None
    fact_check_budget_usd: float = Field(default=1.0, ge=0)

    # Fine-tuning at OpenAI, off by default. The budget covers all jobs that this workspace ever started.
    finetune: bool = False
    finetune_model: str = "gpt-4.1-mini-2025-04-14"
    finetune_budget_usd: float = Field(default=0.0, ge=0)

    # Walmart's item feed: the spec file that Walmart gives to sellers, and the version in the feed's header where the
    # file does not say it.
    item_spec: Path | None = None
    item_spec_version: str | None = None
    feed_business_unit: str = "WALMART_US"
    feed_locale: str = "en"

    # Walmart's Marketplace API, off by default.
    marketplace: bool = False
    marketplace_url: str = "https://marketplace.walmartapis.com"
    client_id: SecretStr | None = None
    client_secret: SecretStr | None = None

    environment: Literal["development", "test", "production"] = _published("ENVIRONMENT", "development")
    default_model: str | None = _published("DEFAULT_MODEL", None)
    ollama_base_url: str = _published("OLLAMA_BASE_URL", "http://localhost:11434")
    cloud_ollama_url: str | None = _published("CLOUD_OLLAMA_URL", None)
    ollama_api_key: SecretStr | None = _published("OLLAMA_API_KEY", None)
    openai_api_key: SecretStr | None = _published("OPENAI_API_KEY", None)
    max_tokens: int = _published("MAX_TOKENS", 2048)
    max_response_time: float = _published("MAX_RESPONSE_TIME", 300.0)
    enable_data_collection: bool = _published("ENABLE_DATA_COLLECTION", True)

    @field_validator("provider")
    @classmethod
    def _current_name(cls, provider: str) -> str:
        """Accept the template writer's earlier name."""
        return "template" if provider == "composer" else provider

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {zone!r}: use a name such as Europe/Berlin") from None
        return zone

    @field_validator("workspace")
    @classmethod
    def _absolute(cls, workspace: Path) -> Path:
        """Dagster rejects a relative DAGSTER_HOME, and relative paths depend on the working directory."""
        return workspace.expanduser().resolve()

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that is used without a URL of a lake; what opens either is in warehouses.py."""
        return self.workspace / "warehouse.duckdb"

    @property
    def ledger_file(self) -> Path:
        """The SQLite ledger that is used without a URL."""
        return self.workspace / "ledger.db"

    @property
    def ledger(self) -> str:
        """URL of the ledger of model calls."""
        return self.ledger_url or f"sqlite:///{self.ledger_file}"

    @property
    def reviews_file(self) -> Path:
        """The SQLite file of people's decisions that is used without a URL of the ledger."""
        return self.workspace / "reviews.db"

    @property
    def reviews_url(self) -> str:
        """URL of the store of people's decisions and preferences: in the ledger's Postgres where there is one."""
        return self.ledger_url or f"sqlite:///{self.reviews_file}"

    @property
    def studio_users(self) -> Path:
        """Names, password hashes and roles of the Studio's users; without it only this machine gets in."""
        return self.workspace / "studio_users.json"

    @property
    def studio_secrets(self) -> Path:
        """Streamlit's secrets: sign-in by OpenID Connect."""
        return self.workspace / "studio_secrets.toml"

    @property
    def inbox(self) -> Path:
        """Folder of incoming feeds."""
        return self.workspace / "inbox"

    @property
    def staging(self) -> Path:
        """What workers leave for the committer; all of them see it."""
        return self.workspace / "staging"

    @property
    def exports(self) -> Path:
        """Folder of exported files."""
        return self.workspace / "exports"

    @property
    def studio_exports(self) -> Path:
        """Folder of what people exported, with a folder for each time."""
        return self.exports / "studio"

    @property
    def item_specs(self) -> Path:
        """Cache of Walmart's item specs, split by product type."""
        return self.workspace / "item_specs"

    @property
    def product_types(self) -> Path:
        """Product type of each category, edited by the user."""
        return self.workspace / "product_types.yaml"

    @property
    def feed_values(self) -> Path:
        """What the user adds to every item of the item feed."""
        return self.workspace / "feed_values.yaml"

    @property
    def datasets(self) -> Path:
        """Folder of datasets, with a folder for each version."""
        return self.workspace / "datasets"

    @property
    def reports(self) -> Path:
        """Evaluation reports and Data Docs."""
        return self.workspace / "reports"

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance: runs, events, schedules."""
        return self.workspace / "dagster_home"

    @property
    def modelfiles(self) -> Path:
        """Folder of Modelfiles: in the root of a checkout for its default workspace, else in the workspace."""
        root = CHECKOUT if CHECKOUT and self.workspace == DEFAULT_WORKSPACE else self.workspace
        return root / "modelfiles"


def load(**changes: Any) -> Settings:
    """The settings of this process, and what is set otherwise. Raises ValidationError with the name of each bad one."""
    return Settings(**changes)
