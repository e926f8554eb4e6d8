# docker build -t pitboss .
# docker run --volume pitboss:/var/lib/pitboss --volume ./config.toml:/app/config.toml:ro pitboss

FROM python:3.11-slim AS build
WORKDIR /app
RUN python -m venv /app/.venv
COPY requirements/run.txt requirements/
RUN .venv/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY . .
RUN .venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home pitboss \
    && install -d -o pitboss -g pitboss -m 0700 /var/lib/pitboss
COPY --from=build /app/.venv /app/.venv
COPY config.toml /app/config.toml
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app
USER pitboss
VOLUME /var/lib/pitboss
STOPSIGNAL SIGTERM
ENTRYPOINT ["pitboss", "run", "--state-dir", "/var/lib/pitboss"]
