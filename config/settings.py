"""Django's settings. Everything a deployment may change comes from the environment (``.env.example`` lists it)."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from corsheaders.defaults import default_headers
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import lazy

from config import embedded, environment
from config.navigation import UNFOLD as UNFOLD

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)
DATA_DIR = embedded.data_dir()
EMBEDDED_DATABASE = not env.str("DATABASE_URL", default="")
TESTING = "pytest" in sys.modules


def secret(name: str) -> str:
    """Return a secret of the environment; with embedded servers a missing one is generated once into DATA_DIR."""
    value = env.str(name, default="")
    if value:
        return value
    if not EMBEDDED_DATABASE:
        raise ImproperlyConfigured(f"{name} must be set when DATABASE_URL is.")
    return embedded.secret(name)


def number(name: str, default: int) -> int:
    """Return a whole number of the environment."""
    return environment.whole_number(name, env.str(name, default=""), default=default)


SECRET_KEY = environment.secret_key(secret("SECRET_KEY"))
VAULT_KEYS = environment.vault_keys(secret("VAULT_KEYS"))
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
PORT = number("PORT", 8000)
environment.web_workers(env.str("WEB_WORKERS", default=""))  # gunicorn reads it: refused here, before anything starts
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
SECURE = PUBLIC_URL.startswith("https://")
TRUSTED_PROXIES = number("TRUSTED_PROXIES", 0)
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
API_RATE = env.str("API_RATE", default="3000/min")
VAULT_USES_PER_MINUTE = number("VAULT_USES_PER_MINUTE", 600)
OUTBOUND_ALLOW = environment.networks(env.str("OUTBOUND_ALLOW", default=""))
# Any server that speaks OpenAI's protocol; a tenant's own credential comes before it.
LLM_BASE_URL = environment.model_address("LLM_BASE_URL", env.str("LLM_BASE_URL", default=""))
LLM_API_KEY = environment.model_key("LLM_API_KEY", env.str("LLM_API_KEY", default=""))
LLM_MODEL = environment.language_model(address=LLM_BASE_URL, model=env.str("LLM_MODEL", default=""))
EMBEDDING_BASE_URL = environment.model_address("EMBEDDING_BASE_URL", env.str("EMBEDDING_BASE_URL", default=""))
EMBEDDING_API_KEY = environment.model_key("EMBEDDING_API_KEY", env.str("EMBEDDING_API_KEY", default=""))
EMBEDDING_MODEL = env.str("EMBEDDING_MODEL", default="")
EMBEDDING_PROVIDER = environment.embedding_provider(
    env.str("EMBEDDING_PROVIDER", default=""), address=EMBEDDING_BASE_URL, model=EMBEDDING_MODEL
)
# Made when the demo is loaded, not before.
DEMO_PASSWORD = lazy(lambda: env.str("DEMO_PASSWORD", default="") or embedded.secret("DEMO_PASSWORD"), str)()

INSTALLED_APPS = [
    "config",
    "tenants",
    "vault",
    "catalog",
    "bots",
    "runtime",
    "reports",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "tenants.apps.TenantSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "csp",
    "django_structlog",
    "django_prometheus",
]

MIDDLEWARE = [
    "config.metrics.BeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.policy.PolicyMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "tenants.middleware.ScopeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def database() -> dict[str, Any]:
    """Return who connects where: the application by day, the owner to migrate."""
    if EMBEDDED_DATABASE:
        return dict(embedded.database())
    app = environment.database_from_url("DATABASE_URL", env.str("DATABASE_URL"))
    address = env.str("DATABASE_OWNER_URL", default="")
    owner = environment.database_from_url("DATABASE_OWNER_URL", address) if address else app
    return {**app, "OWNER": {key: value for key, value in owner.items() if key != "NAME"}}


connection_settings = database()
DATABASES = {
    "default": {
        "ENGINE": "tenants.postgres",
        **connection_settings,
        "CONN_MAX_AGE": 0,
        # A named cursor would run before the scope is sent, and a pooler in transaction mode loses it.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        # No start-up `options`: PgBouncer refuses them, so the roles themselves carry the timeouts (tenants/postgres/roles).
        "OPTIONS": {
            **connection_settings.get("OPTIONS", {}),
            # For the web's threads only: a command would wait for a pool, and a test's database could not be dropped.
            **({"pool": {"min_size": 1, "max_size": 8, "timeout": 10}} if env.bool("DATABASE_POOL", default=False) else {}),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def redis_url(number: int) -> str:
    """Return the address of one of our two Redis databases: 0 broker, 1 cache, counted from the one REDIS_URL names."""
    url = env.str("REDIS_URL", default="")
    return environment.redis_database(url, number) if url else embedded.redis_url(number)


CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": redis_url(1),
        # Rate limits and the like are skipped when Redis does not answer at once.
        "OPTIONS": {"socket_timeout": 0.2, "socket_connect_timeout": 0.2},
    }
}
# Who calls is told by ScopeMiddleware, which believes only proxies of ours.
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
CELERY_BROKER_URL = redis_url(0).replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
if TESTING:
    PASSWORD_HASHERS.insert(0, "django.contrib.auth.hashers.MD5PasswordHasher")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"

SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # Alpine.js, which unfold's pages use, evaluates the expressions of its attributes.
        "script-src": [SELF, NONCE, "'unsafe-eval'"],
        "style-src": [SELF, "'unsafe-inline'"],
        "img-src": [SELF, "data:"],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "base-uri": [SELF],
    }
}
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [*default_headers, "Idempotency-Key", "If-Match"]
CORS_EXPOSE_HEADERS = [
    *("ETag", "Idempotency-Replayed", "Retry-After"),
    *("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.auth.ApiKeyAuthentication",
        "runtime.auth.SessionTokenAuthentication",
        "tenants.auth.PersonAuthentication",  # takes whatever the others leave
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.permissions.RolePermission"],
    "DEFAULT_PARSER_CLASSES": ["tenants.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "tenants.pagination.TenantCursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["tenants.filters.StrictFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": ["tenants.throttling.TokenThrottle"],
    "DEFAULT_SCHEMA_CLASS": "tenants.schema.ProblemAutoSchema",
    "EXCEPTION_HANDLER": "tenants.errors.problem_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "URL_FORMAT_OVERRIDE": None,  # ``format`` is the export's own
    "UNICODE_JSON": True,
    "COERCE_DECIMAL_TO_STRING": True,
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "UPDATE_LAST_LOGIN": False,
}
API_DESCRIPTION = """\
The back office for bots that sell. Everything here belongs to the tenant of your token; no request names one.

**A key**: in the admin under *API keys*, or `manage.py issue_api_key SLUG --name terminal`; it is shown once.\
 Press **Authorize** and paste it, or send `Authorization: Bearer brk_…`. People log in with `POST auth/token/`.

**An import** has three steps. `POST imports/` with a file, or with `rows` as JSON, answers a job. Read\
 `GET imports/{id}/` until its status is `staged`, and what is wrong with which row in `GET imports/{job}/rows/?state=error`.\
 `POST imports/{id}/apply/` then writes the rows without errors; the job ends `completed`, with a summary.
"""
SPECTACULAR_SETTINGS = {
    "TITLE": "Backroom",
    "DESCRIPTION": API_DESCRIPTION,
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    # Choices are written where they are used: as components, many a "status" would need a name of its own.
    "POSTPROCESSING_HOOKS": [],
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("vi", "Tiếng Việt")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DATA_DIR / "files"}},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

EMAIL_URL = env.str("EMAIL_URL", default="")
if EMAIL_URL.startswith("anymail+"):
    vars().update(environment.mail_provider(EMAIL_URL))
elif EMAIL_URL:
    vars().update(env.email_url("EMAIL_URL"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = DATA_DIR / "mail"
EMAIL_TIMEOUT = 20  # seconds for each step of the talk with the mail server
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="backroom@localhost")

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logs.JsonFormatter"}},
    "filters": {"one line each request": {"()": "config.logs.OneLineEachRequest"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["one line each request"]},
        **({} if TESTING else {"errors": {"()": "reports.error_log.ErrorLogHandler"}}),
    },
    "root": {"handlers": ["console"] if TESTING else ["console", "errors"], "level": LOG_LEVEL},
}
