-- One row a command of an operator's, of the stream `admin` or the configuration file, and what
-- became of it. `index` is its place among the frame's inputs. A malformed entry has no command.
CREATE TABLE pitboss.admin_log (
    shard        text        NOT NULL,
    frame        bigint      NOT NULL CHECK (frame > 0),
    index        integer     NOT NULL CHECK (index >= 0),
    stream       text        NOT NULL,
    entry_id     text        NOT NULL,
    command_type text,
    target       text,
    operator     text,
    outcome      text        NOT NULL CHECK (outcome IN ('accepted', 'refused')),
    code         integer              CHECK (code > 0),
    reason       text,
    command      text,
    at           timestamptz NOT NULL,
    PRIMARY KEY (shard, frame, index),
    CHECK ((outcome = 'refused') = (code IS NOT NULL)),
    CHECK ((code IS NULL) = (reason IS NULL)),
    CHECK ((command IS NULL) = (command_type IS NULL)),
    CHECK (command IS NOT NULL OR outcome = 'refused')
);

CREATE INDEX admin_log_by_time ON pitboss.admin_log (at);
CREATE INDEX admin_log_by_target ON pitboss.admin_log (target, at);

GRANT SELECT, INSERT ON pitboss.admin_log TO pitboss_writer;
