# One image for web, worker, beat and the commands; PostgreSQL and Redis come from outside (compose.yaml).
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install -r requirements.txt

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings HOST=0.0.0.0 PORT=8000 DATA_DIR=/data PROMETHEUS_MULTIPROC_DIR=/tmp/metrics
RUN useradd --system --create-home --uid 10001 backroom && install -d -o backroom -g backroom /app /data /tmp/metrics
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
USER backroom
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
CMD ["gunicorn", "--config", "python:config.gunicorn"]
