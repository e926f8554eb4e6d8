-- The name is that of persistence.embedded_postgres.DATABASE; CREATE DATABASE takes no parameter.
CREATE DATABASE pitboss
