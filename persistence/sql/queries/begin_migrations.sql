CREATE SCHEMA IF NOT EXISTS pitboss;

CREATE TABLE IF NOT EXISTS pitboss.migrations (
    number     integer     PRIMARY KEY,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
