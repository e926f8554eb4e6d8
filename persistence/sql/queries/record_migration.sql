INSERT INTO pitboss.migrations (number, name, checksum) VALUES ($1, $2, $3)
